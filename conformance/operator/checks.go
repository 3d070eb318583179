package operator

// The names of the checks.
const (
	CheckModule           = "module"
	CheckImports          = "imports"
	CheckExports          = "exports"
	CheckDescription      = "description"
	CheckOpen             = "open"
	CheckDescribeStable   = "describe_stable"
	CheckOpenRefuses      = "open_refuses"
	CheckBuffer           = "buffer"
	CheckEmptyBatch       = "empty_batch"
	CheckOneRecord        = "one_record"
	CheckManyRecords      = "many_records"
	CheckLimits           = "limits"
	CheckStateUse         = "state_use"
	CheckTimers           = "timers"
	CheckNullKeyValue     = "null_key_value"
	CheckUnknownExtension = "unknown_extension"
	CheckSizesMaximal     = "sizes_maximal"
	CheckUnsortedTimes    = "unsorted_times"
	CheckChangeKinds      = "change_kinds"
	CheckFailures         = "failures"
	CheckHand             = "hand"
	CheckDeterminism      = "determinism"
	CheckMemoryForgotten  = "memory_forgotten"
	CheckRestore          = "restore"
	CheckDivision         = "division"
	CheckVersions         = "versions"
	CheckMemoryGrowth     = "memory_growth"
	CheckClose            = "close"
)

// Check is one check of the suite.
type Check struct {
	// Name is what reports call it; What it makes sure of, in a line.
	Name, What string
	// Needs are the checks without which it cannot tell anything: where one of them
	// failed, it is skipped.
	Needs []string
	// OfModule tells that it is about the module as a whole, not an operator.
	OfModule bool

	run func(*subject) error
}

// Checks lists the checks in the order in which they run.
func Checks() []Check { return append([]Check{}, checks...) }

// checks is set at the start, as the checks' functions refer to it.
var checks []Check

func init() {
	checks = []Check{
		{Name: CheckModule, OfModule: true,
			What: "the module is valid WebAssembly core 2.0, within the bounds of size and shape"},
		{Name: CheckImports, OfModule: true, Needs: []string{CheckModule},
			What: "it imports only functions that the ABI lists, with their signatures"},
		{Name: CheckExports, OfModule: true, Needs: []string{CheckImports},
			What: "it exports its memory and the functions that the ABI asks for, with their signatures"},
		{Name: CheckDescription, OfModule: true, Needs: []string{CheckExports},
			What: "turgo_describe gives the JSON that the ABI asks for"},
		{Name: CheckOpen, Needs: []string{CheckDescription}, run: checkOpen,
			What: "the operator opens with its config as any subtask, and skips fields of the request that it does not know"},
		{Name: CheckDescribeStable, Needs: []string{CheckOpen}, run: checkDescribeStable,
			What: "the description is the same bytes in every instance, after calls too"},
		{Name: CheckBuffer, Needs: []string{CheckOpen}, run: checkBuffer,
			What: "turgo_buffer gives buffers that are large enough for any batch, inside the memory, and that last for many calls"},
		{Name: CheckEmptyBatch, Needs: []string{CheckBuffer}, run: checkEmptyBatch,
			What: "a batch without records is no trap"},
		{Name: CheckOneRecord, Needs: []string{CheckBuffer}, run: checkOneRecord,
			What: "a record alone is no trap, and what is emitted is valid"},
		{Name: CheckManyRecords, Needs: []string{CheckOneRecord}, run: checkManyRecords,
			What: "many records in a batch are no trap, and what is emitted is valid"},
	}
}
