// The wire between the host and a connector in its own process: all that a
// connector in any language has to know. plugins/sqlite is one in Python; `turgo
// conformance connector` tells what one gets wrong.
//
// # The process
//
// The host starts the connector's executable, one process for each source or
// sink of a step, with these variables in its environment, and few others:
//
//   TURGO_CONNECTOR            b3f9a6a1-3d39-4b0e-9a51-1f2f3f2f6d4e: the host started it
//   TURGO_CONNECTOR_NAME       the connector that is wanted, where the executable has several
//   TURGO_CONNECTOR_LIFELINE   number of a file descriptor: see below
//   TURGO_CONNECTOR_LOG_LEVEL  least level of what to log: DEBUG, INFO, WARN, ERROR
//   PLUGIN_PROTOCOL_VERSIONS   the versions of this protocol that the host speaks: 1
//   PLUGIN_UNIX_SOCKET_DIR     a private folder for the socket; the host removes it
//
// The process serves gRPC, without TLS, on a unix socket in that folder. When it
// listens, within 10 s, it writes one line to its standard output, and nothing else ever:
//
//   1|1|unix|PATH|grpc|
//
// The first number is the version of this line, the second the version of this
// protocol that the connector chose. Where the host offers none that it speaks, it
// ends, or answers with one of its own; the host then tells the user. (This is the
// handshake of github.com/hashicorp/go-plugin, which Go connectors use.)
//
// The lifeline reads end of file when the host is gone, however it ended: then the
// process ends at once, with all that it started. A terminal sends SIGINT, SIGTERM and
// SIGHUP to the whole group: the process ignores them, as the host needs its connectors
// to stop in good order. To end it, the host calls /plugin.GRPCController/Shutdown,
// whose request and answer are empty messages: the process ends with exit code 0
// within 2 s, answered or not; later it is killed. It may be killed at any time.
// Calls of services that are not named here may be answered UNIMPLEMENTED.
//
// Standard error is the log. A line that is a flat JSON object with @level,
// @message and @timestamp keeps its level; others are logged as they are.
//
// Messages are up to 64 MiB and some, so gRPC's limit of 4 MiB has to be raised, to
// 67178520 bytes, in both directions. Fields that a connector does not know
// are skipped. A call that is cancelled ends soon, and so does what it had begun.
//
// # Streams
//
// Control calls are the service below. Records travel beside it, in two
// bidirectional streams whose messages are no protobuf but frames, under the
// content-subtype "turgo-frames" (the answer's may be missing):
//
//   /turgo.connector.v1.Streams/Read    one stream is one reader of a source
//   /turgo.connector.v1.Streams/Write   one stream is one writer of a sink
//
// A frame is a head of 24 bytes, little-endian, and three byte strings:
//
//   offset  size  what
//   0       1     kind
//   1       1     flags: bit 0 of a delivery says that the split has ended
//   2       2     reserved, 0
//   4       4     length of the text
//   8       4     length of the position
//   12      4     length of the body
//   16      8     number, signed
//   24            text, position, body
//
//   kind  name       from       text      position  body         number
//   1     open       host                                        subtask
//   2     opened     connector                                   bytes of credit that it gives (Write)
//   3     credit     receiver                                    bytes of credit
//   4     assign     host                           Assignments  sequence, from 1
//   5     assigned   connector                                   the sequence
//   6     delivery   connector  split ID  position  batch        lag in records, -1 = unknown
//   7     write      host                           batch
//   8     prepare    host                                        epoch
//   9     prepared   connector                      Committables epoch
//   10    undecodable connector reason              bytes        records of the delivery before it
//   11    refused    connector  reason              batch        0
//
// Batches have the layout of abi/SPEC.md, section 6; their origins mean nothing here.
// Assignments and Committables are the messages below. A text has at most 4 KiB and is UTF-8, a position 64 KiB.
//
// The first frame is open, its answer opened. The host half-closes the stream to
// close the reader or writer; the connector then drops what it was about to send,
// and ends the stream with the status OK. A failure ends the stream, or the
// call, with a status whose details hold a Failure.
//
// # Credit
//
// Batches flow by credit, which their receiver gives: for deliveries and their
// undecodables the host, for writes the connector. Each of these frames costs its whole
// length, head included, and at least 4096 bytes. As long as more than 0 of the
// credit is left, a frame may be sent, of whatever size: the rest then falls below 0. An
// undecodable may be sent together with its delivery. The receiver gives back the cost
// of what it has consumed, at once or in portions of up to a quarter of what it gave first.
// The host gives 1 MiB to a reader; a writer gives as much as it likes to have
// on the way, in opened, at least 4096. Without credit the sender waits.
//
// # Read
//
// A delivery is a batch of one assigned split, and the position behind it; the position
// is never empty. A reader that is assigned the split with that position, in this process
// or another, gives the records that follow, each once, in the same order. The
// last delivery of a split has flag 1, with or without a batch; nothing comes of the split
// behind it. Where nothing is to be read, nothing is sent. Splits may be
// assigned at any time; assigned is sent when they were taken, between deliveries.
// There are several readers at a time, one for each subtask; when one has ended, another may be
// opened for the same subtask, and splits may go on there or in another process.
//
// Bytes of which no record could be made come before the delivery that they
// belong to; at most 1024 for one, of 64 KiB each and 1 MiB in all, reasons included.
// Their number is how many records of the delivery stand before them.
//
// # Write
//
// Prepare makes durable, but not visible, what was written since the prepare
// before; prepared names it by committables, at most 1024, none where nothing was
// written. Later, maybe in another process, they are committed or dropped. What was not
// prepared when the stream or the process ends is never seen. A sink that promises less
// than GUARANTEE_EXACTLY_ONCE may make records visible at once. A record
// that the sink does not take comes back alone in a batch, before the prepared
// of its epoch; the others of its batch are written.
// There are several writers at a time; each subtask has one in an attempt, no more.

// Code generated by protoc-gen-go. DO NOT EDIT.
// versions:
// 	protoc-gen-go v1.36.12
// 	protoc        v3.21.12
// source: connector.proto

package connectorv1

import (
	protoreflect "google.golang.org/protobuf/reflect/protoreflect"
	protoimpl "google.golang.org/protobuf/runtime/protoimpl"
	reflect "reflect"
	sync "sync"
	unsafe "unsafe"
)

const (
	// Verify that this generated code is sufficiently up-to-date.
	_ = protoimpl.EnforceVersion(20 - protoimpl.MinVersion)
	// Verify that runtime/protoimpl is sufficiently up-to-date.
	_ = protoimpl.EnforceVersion(protoimpl.MaxVersion - 20)
)

type Guarantee int32

const (
	Guarantee_GUARANTEE_UNSPECIFIED Guarantee = 0 // is no answer
	// Each record is visible once, when its epoch was committed.
	Guarantee_GUARANTEE_EXACTLY_ONCE Guarantee = 1
	// Records are visible when they are prepared, or before; written again, they change nothing.
	Guarantee_GUARANTEE_IDEMPOTENT Guarantee = 2
	// Records are visible when they are prepared, or before, and may come twice.
	Guarantee_GUARANTEE_AT_LEAST_ONCE Guarantee = 3
)

// Enum value maps for Guarantee.
var (
	Guarantee_name = map[int32]string{
		0: "GUARANTEE_UNSPECIFIED",
		1: "GUARANTEE_EXACTLY_ONCE",
		2: "GUARANTEE_IDEMPOTENT",
		3: "GUARANTEE_AT_LEAST_ONCE",
	}
	Guarantee_value = map[string]int32{
		"GUARANTEE_UNSPECIFIED":   0,
		"GUARANTEE_EXACTLY_ONCE":  1,
		"GUARANTEE_IDEMPOTENT":    2,
		"GUARANTEE_AT_LEAST_ONCE": 3,
	}
)

func (x Guarantee) Enum() *Guarantee {
	p := new(Guarantee)
	*p = x
	return p
}

func (x Guarantee) String() string {
	return protoimpl.X.EnumStringOf(x.Descriptor(), protoreflect.EnumNumber(x))
}

func (Guarantee) Descriptor() protoreflect.EnumDescriptor {
	return file_connector_proto_enumTypes[0].Descriptor()
}

func (Guarantee) Type() protoreflect.EnumType {
	return &file_connector_proto_enumTypes[0]
}

func (x Guarantee) Number() protoreflect.EnumNumber {
	return protoreflect.EnumNumber(x)
}

// Deprecated: Use Guarantee.Descriptor instead.
func (Guarantee) EnumDescriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{0}
}

type Outcome int32

const (
	Outcome_OUTCOME_UNSPECIFIED Outcome = 0 // is read as unknown
	Outcome_OUTCOME_COMMITTED   Outcome = 1 // durable and visible, by this call or an earlier one
	Outcome_OUTCOME_RETRY       Outcome = 2 // not now; the host tries again later
	// Known failure: the prepared data is gone, or was dropped. The job stops with an alarm.
	Outcome_OUTCOME_LOST    Outcome = 3
	Outcome_OUTCOME_UNKNOWN Outcome = 4 // the system did not say; the host fails over and commits again
)

// Enum value maps for Outcome.
var (
	Outcome_name = map[int32]string{
		0: "OUTCOME_UNSPECIFIED",
		1: "OUTCOME_COMMITTED",
		2: "OUTCOME_RETRY",
		3: "OUTCOME_LOST",
		4: "OUTCOME_UNKNOWN",
	}
	Outcome_value = map[string]int32{
		"OUTCOME_UNSPECIFIED": 0,
		"OUTCOME_COMMITTED":   1,
		"OUTCOME_RETRY":       2,
		"OUTCOME_LOST":        3,
		"OUTCOME_UNKNOWN":     4,
	}
)

func (x Outcome) Enum() *Outcome {
	p := new(Outcome)
	*p = x
	return p
}

func (x Outcome) String() string {
	return protoimpl.X.EnumStringOf(x.Descriptor(), protoreflect.EnumNumber(x))
}

func (Outcome) Descriptor() protoreflect.EnumDescriptor {
	return file_connector_proto_enumTypes[1].Descriptor()
}

func (Outcome) Type() protoreflect.EnumType {
	return &file_connector_proto_enumTypes[1]
}

func (x Outcome) Number() protoreflect.EnumNumber {
	return protoreflect.EnumNumber(x)
}

// Deprecated: Use Outcome.Descriptor instead.
func (Outcome) EnumDescriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{1}
}

type Failure_Kind int32

const (
	Failure_KIND_UNSPECIFIED Failure_Kind = 0
	// KIND_CONFIG is an error in the step's config: field names where.
	Failure_KIND_CONFIG Failure_Kind = 1
	// KIND_RETRYABLE may go away when the step starts again.
	Failure_KIND_RETRYABLE Failure_Kind = 2
	// KIND_FATAL comes again however often the job starts.
	Failure_KIND_FATAL Failure_Kind = 3
)

// Enum value maps for Failure_Kind.
var (
	Failure_Kind_name = map[int32]string{
		0: "KIND_UNSPECIFIED",
		1: "KIND_CONFIG",
		2: "KIND_RETRYABLE",
		3: "KIND_FATAL",
	}
	Failure_Kind_value = map[string]int32{
		"KIND_UNSPECIFIED": 0,
		"KIND_CONFIG":      1,
		"KIND_RETRYABLE":   2,
		"KIND_FATAL":       3,
	}
)

func (x Failure_Kind) Enum() *Failure_Kind {
	p := new(Failure_Kind)
	*p = x
	return p
}

func (x Failure_Kind) String() string {
	return protoimpl.X.EnumStringOf(x.Descriptor(), protoreflect.EnumNumber(x))
}

func (Failure_Kind) Descriptor() protoreflect.EnumDescriptor {
	return file_connector_proto_enumTypes[2].Descriptor()
}

func (Failure_Kind) Type() protoreflect.EnumType {
	return &file_connector_proto_enumTypes[2]
}

func (x Failure_Kind) Number() protoreflect.EnumNumber {
	return protoreflect.EnumNumber(x)
}

// Deprecated: Use Failure_Kind.Descriptor instead.
func (Failure_Kind) EnumDescriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{16, 0}
}

type DescribeRequest struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *DescribeRequest) Reset() {
	*x = DescribeRequest{}
	mi := &file_connector_proto_msgTypes[0]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *DescribeRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*DescribeRequest) ProtoMessage() {}

func (x *DescribeRequest) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[0]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use DescribeRequest.ProtoReflect.Descriptor instead.
func (*DescribeRequest) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{0}
}

type DescribeResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Name          string                 `protobuf:"bytes,1,opt,name=name,proto3" json:"name,omitempty"`
	Version       string                 `protobuf:"bytes,2,opt,name=version,proto3" json:"version,omitempty"`
	Source        bool                   `protobuf:"varint,3,opt,name=source,proto3" json:"source,omitempty"`
	Sink          bool                   `protobuf:"varint,4,opt,name=sink,proto3" json:"sink,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *DescribeResponse) Reset() {
	*x = DescribeResponse{}
	mi := &file_connector_proto_msgTypes[1]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *DescribeResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*DescribeResponse) ProtoMessage() {}

func (x *DescribeResponse) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[1]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use DescribeResponse.ProtoReflect.Descriptor instead.
func (*DescribeResponse) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{1}
}

func (x *DescribeResponse) GetName() string {
	if x != nil {
		return x.Name
	}
	return ""
}

func (x *DescribeResponse) GetVersion() string {
	if x != nil {
		return x.Version
	}
	return ""
}

func (x *DescribeResponse) GetSource() bool {
	if x != nil {
		return x.Source
	}
	return false
}

func (x *DescribeResponse) GetSink() bool {
	if x != nil {
		return x.Sink
	}
	return false
}

type Done struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Done) Reset() {
	*x = Done{}
	mi := &file_connector_proto_msgTypes[2]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Done) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Done) ProtoMessage() {}

func (x *Done) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[2]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Done.ProtoReflect.Descriptor instead.
func (*Done) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{2}
}

type CloseRequest struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *CloseRequest) Reset() {
	*x = CloseRequest{}
	mi := &file_connector_proto_msgTypes[3]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *CloseRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*CloseRequest) ProtoMessage() {}

func (x *CloseRequest) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[3]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use CloseRequest.ProtoReflect.Descriptor instead.
func (*CloseRequest) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{3}
}

type DiscoverRequest struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *DiscoverRequest) Reset() {
	*x = DiscoverRequest{}
	mi := &file_connector_proto_msgTypes[4]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *DiscoverRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*DiscoverRequest) ProtoMessage() {}

func (x *DiscoverRequest) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[4]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use DiscoverRequest.ProtoReflect.Descriptor instead.
func (*DiscoverRequest) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{4}
}

// Config is what a step of a job gives to its connector.
type Config struct {
	state       protoimpl.MessageState `protogen:"open.v1"`
	Job         string                 `protobuf:"bytes,1,opt,name=job,proto3" json:"job,omitempty"`                        // name of the job
	JobUuid     string                 `protobuf:"bytes,2,opt,name=job_uuid,json=jobUuid,proto3" json:"job_uuid,omitempty"` // identity of the job, stable over restarts
	Uid         string                 `protobuf:"bytes,3,opt,name=uid,proto3" json:"uid,omitempty"`                        // of the step
	Attempt     uint64                 `protobuf:"varint,4,opt,name=attempt,proto3" json:"attempt,omitempty"`               // rises with every start of the job
	Parallelism int32                  `protobuf:"varint,5,opt,name=parallelism,proto3" json:"parallelism,omitempty"`       // subtasks of the step
	BaseDir     string                 `protobuf:"bytes,6,opt,name=base_dir,json=baseDir,proto3" json:"base_dir,omitempty"` // relative paths in settings start here
	// settings is the step's config, a JSON object.
	Settings []byte `protobuf:"bytes,7,opt,name=settings,proto3" json:"settings,omitempty"`
	// restored tells a source that its splits were discovered before: one that it
	// was not given is new since. The host knows the others, so SourceDiscover may leave them out.
	Restored      bool `protobuf:"varint,8,opt,name=restored,proto3" json:"restored,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Config) Reset() {
	*x = Config{}
	mi := &file_connector_proto_msgTypes[5]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Config) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Config) ProtoMessage() {}

func (x *Config) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[5]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Config.ProtoReflect.Descriptor instead.
func (*Config) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{5}
}

func (x *Config) GetJob() string {
	if x != nil {
		return x.Job
	}
	return ""
}

func (x *Config) GetJobUuid() string {
	if x != nil {
		return x.JobUuid
	}
	return ""
}

func (x *Config) GetUid() string {
	if x != nil {
		return x.Uid
	}
	return ""
}

func (x *Config) GetAttempt() uint64 {
	if x != nil {
		return x.Attempt
	}
	return 0
}

func (x *Config) GetParallelism() int32 {
	if x != nil {
		return x.Parallelism
	}
	return 0
}

func (x *Config) GetBaseDir() string {
	if x != nil {
		return x.BaseDir
	}
	return ""
}

func (x *Config) GetSettings() []byte {
	if x != nil {
		return x.Settings
	}
	return nil
}

func (x *Config) GetRestored() bool {
	if x != nil {
		return x.Restored
	}
	return false
}

type Split struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	Id    string                 `protobuf:"bytes,1,opt,name=id,proto3" json:"id,omitempty"` // 1 to 4096 bytes, unique in the source, stable over restarts
	// data is the connector's own, at most 64 KiB. Checkpoints keep it as it was when the
	// split was found first.
	Data []byte `protobuf:"bytes,2,opt,name=data,proto3" json:"data,omitempty"`
	// eager splits are handed out as soon as they are found, however many a reader
	// holds: those that never end, or whose start or end was decided when they were found.
	Eager         bool `protobuf:"varint,3,opt,name=eager,proto3" json:"eager,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Split) Reset() {
	*x = Split{}
	mi := &file_connector_proto_msgTypes[6]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Split) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Split) ProtoMessage() {}

func (x *Split) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[6]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Split.ProtoReflect.Descriptor instead.
func (*Split) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{6}
}

func (x *Split) GetId() string {
	if x != nil {
		return x.Id
	}
	return ""
}

func (x *Split) GetData() []byte {
	if x != nil {
		return x.Data
	}
	return nil
}

func (x *Split) GetEager() bool {
	if x != nil {
		return x.Eager
	}
	return false
}

type SplitsPage struct {
	state  protoimpl.MessageState `protogen:"open.v1"`
	Splits []*Split               `protobuf:"bytes,1,rep,name=splits,proto3" json:"splits,omitempty"`
	// final says that no other splits will come.
	Final         bool `protobuf:"varint,2,opt,name=final,proto3" json:"final,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *SplitsPage) Reset() {
	*x = SplitsPage{}
	mi := &file_connector_proto_msgTypes[7]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *SplitsPage) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*SplitsPage) ProtoMessage() {}

func (x *SplitsPage) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[7]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use SplitsPage.ProtoReflect.Descriptor instead.
func (*SplitsPage) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{7}
}

func (x *SplitsPage) GetSplits() []*Split {
	if x != nil {
		return x.Splits
	}
	return nil
}

func (x *SplitsPage) GetFinal() bool {
	if x != nil {
		return x.Final
	}
	return false
}

type Assignment struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	Split *Split                 `protobuf:"bytes,1,opt,name=split,proto3" json:"split,omitempty"`
	// position is absent for the split's start.
	Position      []byte `protobuf:"bytes,2,opt,name=position,proto3,oneof" json:"position,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Assignment) Reset() {
	*x = Assignment{}
	mi := &file_connector_proto_msgTypes[8]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Assignment) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Assignment) ProtoMessage() {}

func (x *Assignment) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[8]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Assignment.ProtoReflect.Descriptor instead.
func (*Assignment) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{8}
}

func (x *Assignment) GetSplit() *Split {
	if x != nil {
		return x.Split
	}
	return nil
}

func (x *Assignment) GetPosition() []byte {
	if x != nil {
		return x.Position
	}
	return nil
}

type Assignments struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Assignments   []*Assignment          `protobuf:"bytes,1,rep,name=assignments,proto3" json:"assignments,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Assignments) Reset() {
	*x = Assignments{}
	mi := &file_connector_proto_msgTypes[9]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Assignments) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Assignments) ProtoMessage() {}

func (x *Assignments) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[9]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Assignments.ProtoReflect.Descriptor instead.
func (*Assignments) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{9}
}

func (x *Assignments) GetAssignments() []*Assignment {
	if x != nil {
		return x.Assignments
	}
	return nil
}

type PositionsPage struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Epoch         uint64                 `protobuf:"varint,1,opt,name=epoch,proto3" json:"epoch,omitempty"`
	Positions     []*Assignment          `protobuf:"bytes,2,rep,name=positions,proto3" json:"positions,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *PositionsPage) Reset() {
	*x = PositionsPage{}
	mi := &file_connector_proto_msgTypes[10]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *PositionsPage) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*PositionsPage) ProtoMessage() {}

func (x *PositionsPage) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[10]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use PositionsPage.ProtoReflect.Descriptor instead.
func (*PositionsPage) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{10}
}

func (x *PositionsPage) GetEpoch() uint64 {
	if x != nil {
		return x.Epoch
	}
	return 0
}

func (x *PositionsPage) GetPositions() []*Assignment {
	if x != nil {
		return x.Positions
	}
	return nil
}

type SinkOpenResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Guarantee     Guarantee              `protobuf:"varint,1,opt,name=guarantee,proto3,enum=turgo.connector.v1.Guarantee" json:"guarantee,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *SinkOpenResponse) Reset() {
	*x = SinkOpenResponse{}
	mi := &file_connector_proto_msgTypes[11]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *SinkOpenResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*SinkOpenResponse) ProtoMessage() {}

func (x *SinkOpenResponse) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[11]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use SinkOpenResponse.ProtoReflect.Descriptor instead.
func (*SinkOpenResponse) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{11}
}

func (x *SinkOpenResponse) GetGuarantee() Guarantee {
	if x != nil {
		return x.Guarantee
	}
	return Guarantee_GUARANTEE_UNSPECIFIED
}

type Committable struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Id            string                 `protobuf:"bytes,1,opt,name=id,proto3" json:"id,omitempty"`     // 1 to 4096 bytes, unique in the job
	Data          []byte                 `protobuf:"bytes,2,opt,name=data,proto3" json:"data,omitempty"` // the connector's own, at most 64 KiB: all that another process needs to commit
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Committable) Reset() {
	*x = Committable{}
	mi := &file_connector_proto_msgTypes[12]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Committable) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Committable) ProtoMessage() {}

func (x *Committable) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[12]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Committable.ProtoReflect.Descriptor instead.
func (*Committable) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{12}
}

func (x *Committable) GetId() string {
	if x != nil {
		return x.Id
	}
	return ""
}

func (x *Committable) GetData() []byte {
	if x != nil {
		return x.Data
	}
	return nil
}

type Committables struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Committables  []*Committable         `protobuf:"bytes,1,rep,name=committables,proto3" json:"committables,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Committables) Reset() {
	*x = Committables{}
	mi := &file_connector_proto_msgTypes[13]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Committables) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Committables) ProtoMessage() {}

func (x *Committables) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[13]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Committables.ProtoReflect.Descriptor instead.
func (*Committables) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{13}
}

func (x *Committables) GetCommittables() []*Committable {
	if x != nil {
		return x.Committables
	}
	return nil
}

type CommitResult struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Id            string                 `protobuf:"bytes,1,opt,name=id,proto3" json:"id,omitempty"`
	Outcome       Outcome                `protobuf:"varint,2,opt,name=outcome,proto3,enum=turgo.connector.v1.Outcome" json:"outcome,omitempty"`
	Reason        string                 `protobuf:"bytes,3,opt,name=reason,proto3" json:"reason,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *CommitResult) Reset() {
	*x = CommitResult{}
	mi := &file_connector_proto_msgTypes[14]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *CommitResult) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*CommitResult) ProtoMessage() {}

func (x *CommitResult) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[14]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use CommitResult.ProtoReflect.Descriptor instead.
func (*CommitResult) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{14}
}

func (x *CommitResult) GetId() string {
	if x != nil {
		return x.Id
	}
	return ""
}

func (x *CommitResult) GetOutcome() Outcome {
	if x != nil {
		return x.Outcome
	}
	return Outcome_OUTCOME_UNSPECIFIED
}

func (x *CommitResult) GetReason() string {
	if x != nil {
		return x.Reason
	}
	return ""
}

type CommitResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Results       []*CommitResult        `protobuf:"bytes,1,rep,name=results,proto3" json:"results,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *CommitResponse) Reset() {
	*x = CommitResponse{}
	mi := &file_connector_proto_msgTypes[15]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *CommitResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*CommitResponse) ProtoMessage() {}

func (x *CommitResponse) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[15]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use CommitResponse.ProtoReflect.Descriptor instead.
func (*CommitResponse) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{15}
}

func (x *CommitResponse) GetResults() []*CommitResult {
	if x != nil {
		return x.Results
	}
	return nil
}

// Failure is the detail of a status that is not OK, in google.rpc.Status, which
// gRPC carries in the trailer grpc-status-details-bin. The status code itself does not
// count. A status without one is a failure of the connection or of the process.
type Failure struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Kind          Failure_Kind           `protobuf:"varint,1,opt,name=kind,proto3,enum=turgo.connector.v1.Failure_Kind" json:"kind,omitempty"`
	Field         string                 `protobuf:"bytes,2,opt,name=field,proto3" json:"field,omitempty"`     // dotted path within settings, such as paths.0; empty = as a whole
	Message       string                 `protobuf:"bytes,3,opt,name=message,proto3" json:"message,omitempty"` // what is wrong, with values, and what to do
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Failure) Reset() {
	*x = Failure{}
	mi := &file_connector_proto_msgTypes[16]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Failure) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Failure) ProtoMessage() {}

func (x *Failure) ProtoReflect() protoreflect.Message {
	mi := &file_connector_proto_msgTypes[16]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Failure.ProtoReflect.Descriptor instead.
func (*Failure) Descriptor() ([]byte, []int) {
	return file_connector_proto_rawDescGZIP(), []int{16}
}

func (x *Failure) GetKind() Failure_Kind {
	if x != nil {
		return x.Kind
	}
	return Failure_KIND_UNSPECIFIED
}

func (x *Failure) GetField() string {
	if x != nil {
		return x.Field
	}
	return ""
}

func (x *Failure) GetMessage() string {
	if x != nil {
		return x.Message
	}
	return ""
}

var File_connector_proto protoreflect.FileDescriptor

const file_connector_proto_rawDesc = "" +
	"\n" +
	"\x0fconnector.proto\x12\x12turgo.connector.v1\"\x11\n" +
	"\x0fDescribeRequest\"l\n" +
	"\x10DescribeResponse\x12\x12\n" +
	"\x04name\x18\x01 \x01(\tR\x04name\x12\x18\n" +
	"\aversion\x18\x02 \x01(\tR\aversion\x12\x16\n" +
	"\x06source\x18\x03 \x01(\bR\x06source\x12\x12\n" +
	"\x04sink\x18\x04 \x01(\bR\x04sink\"\x06\n" +
	"\x04Done\"\x0e\n" +
	"\fCloseRequest\"\x11\n" +
	"\x0fDiscoverRequest\"\xd6\x01\n" +
	"\x06Config\x12\x10\n" +
	"\x03job\x18\x01 \x01(\tR\x03job\x12\x19\n" +
	"\bjob_uuid\x18\x02 \x01(\tR\ajobUuid\x12\x10\n" +
	"\x03uid\x18\x03 \x01(\tR\x03uid\x12\x18\n" +
	"\aattempt\x18\x04 \x01(\x04R\aattempt\x12 \n" +
	"\vparallelism\x18\x05 \x01(\x05R\vparallelism\x12\x19\n" +
	"\bbase_dir\x18\x06 \x01(\tR\abaseDir\x12\x1a\n" +
	"\bsettings\x18\a \x01(\fR\bsettings\x12\x1a\n" +
	"\brestored\x18\b \x01(\bR\brestored\"A\n" +
	"\x05Split\x12\x0e\n" +
	"\x02id\x18\x01 \x01(\tR\x02id\x12\x12\n" +
	"\x04data\x18\x02 \x01(\fR\x04data\x12\x14\n" +
	"\x05eager\x18\x03 \x01(\bR\x05eager\"U\n" +
	"\n" +
	"SplitsPage\x121\n" +
	"\x06splits\x18\x01 \x03(\v2\x19.turgo.connector.v1.SplitR\x06splits\x12\x14\n" +
	"\x05final\x18\x02 \x01(\bR\x05final\"k\n" +
	"\n" +
	"Assignment\x12/\n" +
	"\x05split\x18\x01 \x01(\v2\x19.turgo.connector.v1.SplitR\x05split\x12\x1f\n" +
	"\bposition\x18\x02 \x01(\fH\x00R\bposition\x88\x01\x01B\v\n" +
	"\t_position\"O\n" +
	"\vAssignments\x12@\n" +
	"\vassignments\x18\x01 \x03(\v2\x1e.turgo.connector.v1.AssignmentR\vassignments\"c\n" +
	"\rPositionsPage\x12\x14\n" +
	"\x05epoch\x18\x01 \x01(\x04R\x05epoch\x12<\n" +
	"\tpositions\x18\x02 \x03(\v2\x1e.turgo.connector.v1.AssignmentR\tpositions\"O\n" +
	"\x10SinkOpenResponse\x12;\n" +
	"\tguarantee\x18\x01 \x01(\x0e2\x1d.turgo.connector.v1.GuaranteeR\tguarantee\"1\n" +
	"\vCommittable\x12\x0e\n" +
	"\x02id\x18\x01 \x01(\tR\x02id\x12\x12\n" +
	"\x04data\x18\x02 \x01(\fR\x04data\"S\n" +
	"\fCommittables\x12C\n" +
	"\fcommittables\x18\x01 \x03(\v2\x1f.turgo.connector.v1.CommittableR\fcommittables\"m\n" +
	"\fCommitResult\x12\x0e\n" +
	"\x02id\x18\x01 \x01(\tR\x02id\x125\n" +
	"\aoutcome\x18\x02 \x01(\x0e2\x1b.turgo.connector.v1.OutcomeR\aoutcome\x12\x16\n" +
	"\x06reason\x18\x03 \x01(\tR\x06reason\"L\n" +
	"\x0eCommitResponse\x12:\n" +
	"\aresults\x18\x01 \x03(\v2 .turgo.connector.v1.CommitResultR\aresults\"\xc2\x01\n" +
	"\aFailure\x124\n" +
	"\x04kind\x18\x01 \x01(\x0e2 .turgo.connector.v1.Failure.KindR\x04kind\x12\x14\n" +
	"\x05field\x18\x02 \x01(\tR\x05field\x12\x18\n" +
	"\amessage\x18\x03 \x01(\tR\amessage\"Q\n" +
	"\x04Kind\x12\x14\n" +
	"\x10KIND_UNSPECIFIED\x10\x00\x12\x0f\n" +
	"\vKIND_CONFIG\x10\x01\x12\x12\n" +
	"\x0eKIND_RETRYABLE\x10\x02\x12\x0e\n" +
	"\n" +
	"KIND_FATAL\x10\x03*y\n" +
	"\tGuarantee\x12\x19\n" +
	"\x15GUARANTEE_UNSPECIFIED\x10\x00\x12\x1a\n" +
	"\x16GUARANTEE_EXACTLY_ONCE\x10\x01\x12\x18\n" +
	"\x14GUARANTEE_IDEMPOTENT\x10\x02\x12\x1b\n" +
	"\x17GUARANTEE_AT_LEAST_ONCE\x10\x03*s\n" +
	"\aOutcome\x12\x17\n" +
	"\x13OUTCOME_UNSPECIFIED\x10\x00\x12\x15\n" +
	"\x11OUTCOME_COMMITTED\x10\x01\x12\x11\n" +
	"\rOUTCOME_RETRY\x10\x02\x12\x10\n" +
	"\fOUTCOME_LOST\x10\x03\x12\x13\n" +
	"\x0fOUTCOME_UNKNOWN\x10\x042\xae\a\n" +
	"\tConnector\x12U\n" +
	"\bDescribe\x12#.turgo.connector.v1.DescribeRequest\x1a$.turgo.connector.v1.DescribeResponse\x12C\n" +
	"\vSourceCheck\x12\x1a.turgo.connector.v1.Config\x1a\x18.turgo.connector.v1.Done\x12B\n" +
	"\n" +
	"SourceOpen\x12\x1a.turgo.connector.v1.Config\x1a\x18.turgo.connector.v1.Done\x12W\n" +
	"\x0eSourceDiscover\x12#.turgo.connector.v1.DiscoverRequest\x1a\x1e.turgo.connector.v1.SplitsPage0\x01\x12Y\n" +
	"\x18SourceCheckpointComplete\x12!.turgo.connector.v1.PositionsPage\x1a\x18.turgo.connector.v1.Done(\x01\x12I\n" +
	"\vSourceClose\x12 .turgo.connector.v1.CloseRequest\x1a\x18.turgo.connector.v1.Done\x12A\n" +
	"\tSinkCheck\x12\x1a.turgo.connector.v1.Config\x1a\x18.turgo.connector.v1.Done\x12L\n" +
	"\bSinkOpen\x12\x1a.turgo.connector.v1.Config\x1a$.turgo.connector.v1.SinkOpenResponse\x12K\n" +
	"\vSinkCleanUp\x12 .turgo.connector.v1.Committables\x1a\x18.turgo.connector.v1.Done(\x01\x12R\n" +
	"\n" +
	"SinkCommit\x12 .turgo.connector.v1.Committables\x1a\".turgo.connector.v1.CommitResponse\x12G\n" +
	"\tSinkAbort\x12 .turgo.connector.v1.Committables\x1a\x18.turgo.connector.v1.Done\x12G\n" +
	"\tSinkClose\x12 .turgo.connector.v1.CloseRequest\x1a\x18.turgo.connector.v1.DoneB<Z:github.com/turgo-stream/turgo/abi/connector/v1;connectorv1b\x06proto3"

var (
	file_connector_proto_rawDescOnce sync.Once
	file_connector_proto_rawDescData []byte
)

func file_connector_proto_rawDescGZIP() []byte {
	file_connector_proto_rawDescOnce.Do(func() {
		file_connector_proto_rawDescData = protoimpl.X.CompressGZIP(unsafe.Slice(unsafe.StringData(file_connector_proto_rawDesc), len(file_connector_proto_rawDesc)))
	})
	return file_connector_proto_rawDescData
}

var file_connector_proto_enumTypes = make([]protoimpl.EnumInfo, 3)
var file_connector_proto_msgTypes = make([]protoimpl.MessageInfo, 17)
var file_connector_proto_goTypes = []any{
	(Guarantee)(0),           // 0: turgo.connector.v1.Guarantee
	(Outcome)(0),             // 1: turgo.connector.v1.Outcome
	(Failure_Kind)(0),        // 2: turgo.connector.v1.Failure.Kind
	(*DescribeRequest)(nil),  // 3: turgo.connector.v1.DescribeRequest
	(*DescribeResponse)(nil), // 4: turgo.connector.v1.DescribeResponse
	(*Done)(nil),             // 5: turgo.connector.v1.Done
	(*CloseRequest)(nil),     // 6: turgo.connector.v1.CloseRequest
	(*DiscoverRequest)(nil),  // 7: turgo.connector.v1.DiscoverRequest
	(*Config)(nil),           // 8: turgo.connector.v1.Config
	(*Split)(nil),            // 9: turgo.connector.v1.Split
	(*SplitsPage)(nil),       // 10: turgo.connector.v1.SplitsPage
	(*Assignment)(nil),       // 11: turgo.connector.v1.Assignment
	(*Assignments)(nil),      // 12: turgo.connector.v1.Assignments
	(*PositionsPage)(nil),    // 13: turgo.connector.v1.PositionsPage
	(*SinkOpenResponse)(nil), // 14: turgo.connector.v1.SinkOpenResponse
	(*Committable)(nil),      // 15: turgo.connector.v1.Committable
	(*Committables)(nil),     // 16: turgo.connector.v1.Committables
	(*CommitResult)(nil),     // 17: turgo.connector.v1.CommitResult
	(*CommitResponse)(nil),   // 18: turgo.connector.v1.CommitResponse
	(*Failure)(nil),          // 19: turgo.connector.v1.Failure
}
var file_connector_proto_depIdxs = []int32{
	9,  // 0: turgo.connector.v1.SplitsPage.splits:type_name -> turgo.connector.v1.Split
	9,  // 1: turgo.connector.v1.Assignment.split:type_name -> turgo.connector.v1.Split
	11, // 2: turgo.connector.v1.Assignments.assignments:type_name -> turgo.connector.v1.Assignment
	11, // 3: turgo.connector.v1.PositionsPage.positions:type_name -> turgo.connector.v1.Assignment
	0,  // 4: turgo.connector.v1.SinkOpenResponse.guarantee:type_name -> turgo.connector.v1.Guarantee
	15, // 5: turgo.connector.v1.Committables.committables:type_name -> turgo.connector.v1.Committable
	1,  // 6: turgo.connector.v1.CommitResult.outcome:type_name -> turgo.connector.v1.Outcome
	17, // 7: turgo.connector.v1.CommitResponse.results:type_name -> turgo.connector.v1.CommitResult
	2,  // 8: turgo.connector.v1.Failure.kind:type_name -> turgo.connector.v1.Failure.Kind
	3,  // 9: turgo.connector.v1.Connector.Describe:input_type -> turgo.connector.v1.DescribeRequest
	8,  // 10: turgo.connector.v1.Connector.SourceCheck:input_type -> turgo.connector.v1.Config
	8,  // 11: turgo.connector.v1.Connector.SourceOpen:input_type -> turgo.connector.v1.Config
	7,  // 12: turgo.connector.v1.Connector.SourceDiscover:input_type -> turgo.connector.v1.DiscoverRequest
	13, // 13: turgo.connector.v1.Connector.SourceCheckpointComplete:input_type -> turgo.connector.v1.PositionsPage
	6,  // 14: turgo.connector.v1.Connector.SourceClose:input_type -> turgo.connector.v1.CloseRequest
	8,  // 15: turgo.connector.v1.Connector.SinkCheck:input_type -> turgo.connector.v1.Config
	8,  // 16: turgo.connector.v1.Connector.SinkOpen:input_type -> turgo.connector.v1.Config
	16, // 17: turgo.connector.v1.Connector.SinkCleanUp:input_type -> turgo.connector.v1.Committables
	16, // 18: turgo.connector.v1.Connector.SinkCommit:input_type -> turgo.connector.v1.Committables
	16, // 19: turgo.connector.v1.Connector.SinkAbort:input_type -> turgo.connector.v1.Committables
	6,  // 20: turgo.connector.v1.Connector.SinkClose:input_type -> turgo.connector.v1.CloseRequest
	4,  // 21: turgo.connector.v1.Connector.Describe:output_type -> turgo.connector.v1.DescribeResponse
	5,  // 22: turgo.connector.v1.Connector.SourceCheck:output_type -> turgo.connector.v1.Done
	5,  // 23: turgo.connector.v1.Connector.SourceOpen:output_type -> turgo.connector.v1.Done
	10, // 24: turgo.connector.v1.Connector.SourceDiscover:output_type -> turgo.connector.v1.SplitsPage
	5,  // 25: turgo.connector.v1.Connector.SourceCheckpointComplete:output_type -> turgo.connector.v1.Done
	5,  // 26: turgo.connector.v1.Connector.SourceClose:output_type -> turgo.connector.v1.Done
	5,  // 27: turgo.connector.v1.Connector.SinkCheck:output_type -> turgo.connector.v1.Done
	14, // 28: turgo.connector.v1.Connector.SinkOpen:output_type -> turgo.connector.v1.SinkOpenResponse
	5,  // 29: turgo.connector.v1.Connector.SinkCleanUp:output_type -> turgo.connector.v1.Done
	18, // 30: turgo.connector.v1.Connector.SinkCommit:output_type -> turgo.connector.v1.CommitResponse
	5,  // 31: turgo.connector.v1.Connector.SinkAbort:output_type -> turgo.connector.v1.Done
	5,  // 32: turgo.connector.v1.Connector.SinkClose:output_type -> turgo.connector.v1.Done
	21, // [21:33] is the sub-list for method output_type
	9,  // [9:21] is the sub-list for method input_type
	9,  // [9:9] is the sub-list for extension type_name
	9,  // [9:9] is the sub-list for extension extendee
	0,  // [0:9] is the sub-list for field type_name
}

func init() { file_connector_proto_init() }
func file_connector_proto_init() {
	if File_connector_proto != nil {
		return
	}
	file_connector_proto_msgTypes[8].OneofWrappers = []any{}
	type x struct{}
	out := protoimpl.TypeBuilder{
		File: protoimpl.DescBuilder{
			GoPackagePath: reflect.TypeOf(x{}).PkgPath(),
			RawDescriptor: unsafe.Slice(unsafe.StringData(file_connector_proto_rawDesc), len(file_connector_proto_rawDesc)),
			NumEnums:      3,
			NumMessages:   17,
			NumExtensions: 0,
			NumServices:   1,
		},
		GoTypes:           file_connector_proto_goTypes,
		DependencyIndexes: file_connector_proto_depIdxs,
		EnumInfos:         file_connector_proto_enumTypes,
		MessageInfos:      file_connector_proto_msgTypes,
	}.Build()
	File_connector_proto = out.File
	file_connector_proto_goTypes = nil
	file_connector_proto_depIdxs = nil
}
