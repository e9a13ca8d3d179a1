package sqltest

import (
	"encoding/xml"
	"fmt"
	"io"
	"time"
)

// The elements of a JUnit report that build servers read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr,omitempty"`
		Time    string        `xml:"time,attr"`
		Failure *junitMessage `xml:"failure"`
		Error   *junitMessage `xml:"error"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the reports in JUnit's XML: a suite for each file, an error
// where a file could not be run. Times are in seconds.
func WriteJUnit(w io.Writer, files []File) error {
	var all junitSuites
	for _, f := range files {
		s := junitSuite{Name: f.Name, Tests: len(f.Tests)}
		var total time.Duration
		for _, t := range f.Tests {
			c := junitCase{Class: f.Contract, Name: t.Name, File: f.Name, Line: t.Line, Time: seconds(t.Took), Out: t.Warning}
			if t.Err != nil {
				c.Failure = message(t.Err)
				s.Failures++
			}
			s.Cases = append(s.Cases, c)
			total += t.Took
		}
		if f.Err != nil {
			s.Tests++
			s.Errors++
			s.Cases = append(s.Cases, junitCase{Class: f.Contract, Name: "the file", File: f.Name, Time: seconds(0), Error: message(f.Err)})
		}
		s.Time = seconds(total)
		all.Tests, all.Failures, all.Errors = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors
		all.Suites = append(all.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }

// message has the first line of an error as its message, and all of it as text.
func message(err error) *junitMessage {
	text := err.Error()
	first := text
	for i, r := range text {
		if r == '\n' {
			first = text[:i]
			break
		}
	}
	return &junitMessage{first, text}
}
