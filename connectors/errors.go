package connectors

import "errors"

// ConfigError says what is wrong with a step's config. Starting the job again
// does not help.
type ConfigError struct {
	Field  string // dotted path within the step's config
	Reason string
}

func (e *ConfigError) Error() string {
	if e.Field == "" {
		return "config: " + e.Reason
	}
	return "config: " + e.Field + ": " + e.Reason
}

// Fatal is true: starting the job again does not help.
func (e *ConfigError) Fatal() bool { return true }

// FatalError marks an error that comes again however often the job starts:
// somebody has to look at it.
type FatalError struct{ Err error }

func (e *FatalError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *FatalError) Unwrap() error { return e.Err }

// Fatal is true.
func (e *FatalError) Fatal() bool { return true }

// Fatal reports whether starting the job again cannot help: whether an error in
// the chain says so with a method Fatal.
func Fatal(err error) bool {
	var marked interface{ Fatal() bool }
	return errors.As(err, &marked) && marked.Fatal()
}

// RetryableError marks an error that may go away when the step starts again,
// such as a connection that broke.
type RetryableError struct{ Err error }

func (e *RetryableError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *RetryableError) Unwrap() error { return e.Err }

// Retryable is true.
func (e *RetryableError) Retryable() bool { return true }

// Retryable reports whether starting the step again may help: whether an error
// in the chain says so with a method Retryable.
func Retryable(err error) bool {
	var marked interface{ Retryable() bool }
	return errors.As(err, &marked) && marked.Retryable()
}
