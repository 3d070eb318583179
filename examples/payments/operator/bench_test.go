package main

import "testing"

func BenchmarkParse(b *testing.B) {
	value := []byte(`{"account":"account-01234","amount":-123456}`)
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		if _, refusal := parse(value); refusal != "" {
			b.Fatal(refusal)
		}
	}
}
