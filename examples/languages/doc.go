// Package languages holds one job whose operators are written in each language
// that has an SDK: they do the same, to the byte of their state, so that a module
// in one language goes on where that in another was stopped.
package languages
