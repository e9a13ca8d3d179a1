package cli

import "strings"

// closest gives the candidate that was probably meant, or "". A candidate
// counts when it begins with what was typed, or when at most a third of its
// letters (one at least) were typed wrongly.
func closest(typed string, candidates []string) string {
	best, least := "", len(typed)/3+1
	for _, c := range candidates {
		if len(typed) >= 2 && strings.HasPrefix(c, typed) && best == "" {
			best = c
		}
		if d := distance(typed, c); d <= least && len(c) > 1 {
			if d < least || best == "" {
				best = c
			}
			least = d
		}
	}
	return best
}

// distance is the number of letters to insert, delete, replace or swap with
// the next one (optimal string alignment).
func distance(a, b string) int {
	two := make([]int, len(b)+1)
	one := make([]int, len(b)+1)
	now := make([]int, len(b)+1)
	for j := range one {
		one[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(one[j]+1, now[j-1]+1, one[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], two[j-2]+1)
			}
		}
		two, one, now = one, now, two
	}
	return one[len(b)]
}

// didYouMean is a hint, or "" when nothing is close.
func didYouMean(typed string, candidates []string) string {
	if best := closest(typed, candidates); best != "" {
		return "Did you mean " + best + "?"
	}
	return ""
}
