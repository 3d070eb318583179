// Package payments holds the job that keeps running balances of accounts, from
// Kafka to Kafka, and its test against a real broker.
package payments
