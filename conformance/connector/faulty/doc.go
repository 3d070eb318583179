// Package faulty serves a small connector that is sound, or that has one fault:
// it shows that each check of package connector catches what it is meant for.
//
// It speaks the wire by itself, without package wire, so that it can break any
// rule of it. Input and output are files of JSON lines in a folder.
package faulty
