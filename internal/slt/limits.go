package slt

// maxFile bounds a file in bytes. The longest of the corpus, of random
// expressions and views, have some 30 MB.
const maxFile = 128 << 20
