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
	CheckTimeToLive       = "time_to_live"
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
		{Name: CheckOpenRefuses, Needs: []string{CheckOpen}, run: checkOpenRefuses,
			What: "a config that breaks config_schema is refused with a reason"},
		{Name: CheckBuffer, Needs: []string{CheckOpen}, run: checkBuffer,
			What: "turgo_buffer gives buffers that are large enough for any batch, inside the memory, and that last for many calls"},
		{Name: CheckEmptyBatch, Needs: []string{CheckBuffer}, run: checkEmptyBatch,
			What: "a batch without records is no trap"},
		{Name: CheckOneRecord, Needs: []string{CheckBuffer}, run: checkOneRecord,
			What: "a record alone is no trap, and what is emitted is valid"},
		{Name: CheckManyRecords, Needs: []string{CheckOneRecord}, run: checkManyRecords,
			What: "many records in a batch are no trap, and what is emitted is valid"},
		{Name: CheckLimits, Needs: []string{CheckOneRecord, CheckManyRecords}, run: checkLimits,
			What: "ordinary records stay within the limits of time, fuel, memory, output and state"},
		{Name: CheckStateUse, Needs: []string{CheckManyRecords}, run: checkStateUse,
			What: "states are used as they are declared, and all of them are"},
		{Name: CheckTimers, Needs: []string{CheckManyRecords}, run: checkTimers,
			What: "records behind the watermark are no trap; timers fire, set declared ones only, and come to an end"},
		{Name: CheckNullKeyValue, Needs: []string{CheckManyRecords}, run: checkNullKeyValue,
			What: "null keys and values are no trap"},
		{Name: CheckSizesMaximal, Needs: []string{CheckManyRecords, CheckTimers}, run: checkSizesMaximal,
			What: "empty and very large keys, values and batches are no trap"},
		{Name: CheckUnsortedTimes, Needs: []string{CheckManyRecords, CheckTimers}, run: checkUnsortedTimes,
			What: "times in any order, the smallest, the largest and none are no trap"},
		{Name: CheckChangeKinds, Needs: []string{CheckManyRecords}, run: checkChangeKinds,
			What: "each declared change kind is taken"},
		{Name: CheckFailures, Needs: []string{CheckManyRecords}, run: checkFailures,
			What: "records with odd bytes are failed at most, and never trap"},
		{Name: CheckHand, Needs: []string{CheckManyRecords, CheckTimers}, run: checkHand,
			What: "the record in hand is set before effects, and the right one: state, failures and origins are its own"},
		{Name: CheckDeterminism, Needs: []string{CheckManyRecords, CheckTimers, CheckHand, CheckBuffer}, run: checkDeterminism,
			What: "the same input and state give the same bytes"},
		{Name: CheckMemoryForgotten, Needs: []string{CheckDeterminism}, run: checkMemoryForgotten,
			What: "an instance whose memory is dropped between calls gives the same result"},
		{Name: CheckRestore, Needs: []string{CheckMemoryForgotten}, run: checkRestore,
			What: "a checkpoint restored after every batch gives the same result"},
		{Name: CheckDivision, Needs: []string{CheckMemoryForgotten}, run: checkDivision,
			What: "the same records cut into other batches give the same result"},
		{Name: CheckUnknownExtension, Needs: []string{CheckDivision}, run: checkUnknownExtension,
			What: "extensions of unknown types and a longer fixed part change nothing, and copies keep them"},
		{Name: CheckVersions, Needs: []string{CheckManyRecords, CheckTimers}, run: checkVersions,
			What: "state that was written under another schema version is no trap"},
		{Name: CheckTimeToLive, Needs: []string{CheckManyRecords, CheckTimers}, run: checkTimeToLive,
			What: "state whose time to live is over is no trap"},
		{Name: CheckMemoryGrowth, Needs: []string{CheckManyRecords, CheckTimers}, run: checkMemoryGrowth,
			What: "memory does not grow from batch to batch"},
		{Name: CheckClose, Needs: []string{CheckOpen}, run: checkClose,
			What: "turgo_close does not trap, emit or write"},
	}
}
