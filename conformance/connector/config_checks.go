package connector

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
)

// unknownSetting is a setting that no connector has.
const unknownSetting = "turgo_conformance_unknown"

// side is what the checks of configs need of a source or a sink.
type side struct {
	name     string // Source or Sink, as its calls begin
	settings map[string]any
	bad      []BadSettings
	check    func(ctx context.Context, client v1.ConnectorClient, config *v1.Config) error
	open     func(ctx context.Context, client v1.ConnectorClient, config *v1.Config) error
}

func (t *trial) sourceSide() side {
	return side{
		name: "Source", settings: t.scenario.Source.Settings, bad: t.scenario.Source.BadSettings,
		check: func(ctx context.Context, client v1.ConnectorClient, config *v1.Config) error {
			_, err := client.SourceCheck(ctx, config)
			return err
		},
		open: func(ctx context.Context, client v1.ConnectorClient, config *v1.Config) error {
			_, err := client.SourceOpen(ctx, config)
			return err
		},
	}
}

func (t *trial) sinkSide() side {
	return side{
		name: "Sink", settings: t.scenario.Sink.Settings, bad: t.scenario.Sink.BadSettings,
		check: func(ctx context.Context, client v1.ConnectorClient, config *v1.Config) error {
			_, err := client.SinkCheck(ctx, config)
			return err
		},
		open: func(ctx context.Context, client v1.ConnectorClient, config *v1.Config) error {
			_, err := client.SinkOpen(ctx, config)
			return err
		},
	}
}

func checkSourceConfig(ctx context.Context, t *trial) error {
	return t.checkConfig(ctx, t.sourceSide())
}

func checkSinkConfig(ctx context.Context, t *trial) error { return t.checkConfig(ctx, t.sinkSide()) }

// checkConfig gives sound settings and bad ones.
func (t *trial) checkConfig(ctx context.Context, s side) error {
	sound, err := t.config(s.settings, t.identity(0), 1)
	if err != nil {
		return &SetupError{err}
	}
	p, err := t.start(ctx)
	if err != nil {
		return err
	}
	before := filesBelow(t.scratch)
	if err := t.invoke(ctx, p, s.name+"Check with the settings of FILE", s.check, sound); err != nil {
		return err
	}
	if after := filesBelow(t.scratch); after != before {
		return fmt.Errorf("%sCheck changed what is in ${SCRATCH}: it has to be without side effects, as `turgo check` calls it beside a job that runs; there is\n%s", s.name, after)
	}
	bad := append([]BadSettings{{Settings: map[string]any{unknownSetting: 1}, Field: unknownSetting}}, s.bad...)
	for _, one := range bad {
		config, err := t.config(changed(s.settings, one.Settings), t.identity(0), 1)
		if err != nil {
			return &SetupError{err}
		}
		err = t.invoke(ctx, p, "", s.check, config)
		if err := refused(s.name+"Check", config, one.Field, err); err != nil {
			return err
		}
		other, err := t.start(ctx)
		if err != nil {
			return err
		}
		err = t.invoke(ctx, other, "", s.open, config)
		if err := refused(s.name+"Open", config, one.Field, err); err != nil {
			return err
		}
		other.release()
	}
	return t.invoke(ctx, p, s.name+"Check with the settings of FILE, after bad ones", s.check, sound)
}

// invoke makes a call within the limit. Without a name the error is as it came.
func (t *trial) invoke(ctx context.Context, p *process, name string, call func(context.Context, v1.ConnectorClient, *v1.Config) error, config *v1.Config) error {
	callContext, cancel := t.call(ctx)
	defer cancel()
	err := call(callContext, v1.NewConnectorClient(p.connection), config)
	if name == "" {
		return err
	}
	return t.answered(callContext, p, name, err)
}

// refused checks that an error is a failure of KIND_CONFIG that names the field.
func refused(call string, config *v1.Config, field string, err error) error {
	if err == nil {
		return fmt.Errorf("%s accepts the settings %.300s: refuse what is wrong in field %q, and fields that you do not know", call, config.GetSettings(), field)
	}
	answer, _ := status.FromError(err)
	for _, detail := range answer.Details() {
		failure, ok := detail.(*v1.Failure)
		switch {
		case !ok:
			continue
		case failure.GetKind() != v1.Failure_KIND_CONFIG:
			return fmt.Errorf("%s refuses bad settings with a Failure of %v; KIND_CONFIG is due: %s", call, failure.GetKind(), failure.GetMessage())
		case failure.GetField() != field:
			return fmt.Errorf("%s refuses bad settings and names the field %q; %q is wrong: %s", call, failure.GetField(), field, failure.GetMessage())
		case failure.GetMessage() == "":
			return fmt.Errorf("%s refuses field %q without a message: say what is wrong, and what to do", call, field)
		}
		return nil
	}
	return fmt.Errorf("%s refuses bad settings with %s: %s; the status has to have a Failure of KIND_CONFIG and the field %q among its details (grpc-status-details-bin)", call, answer.Code(), answer.Message(), field)
}

// addUnknown adds fields that no version knows to a message and all within it.
func addUnknown(message proto.Message) { addUnknownTo(message.ProtoReflect()) }

func addUnknownTo(message protoreflect.Message) {
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Message() == nil {
			return true
		}
		if !field.IsList() {
			addUnknownTo(message.Mutable(field).Message())
			return true
		}
		for i := range value.List().Len() {
			addUnknownTo(value.List().Get(i).Message())
		}
		return true
	})
	unknown := protowire.AppendTag(nil, 1000, protowire.VarintType)
	unknown = protowire.AppendVarint(unknown, 1<<40)
	unknown = protowire.AppendTag(unknown, 20_000, protowire.BytesType)
	unknown = protowire.AppendString(unknown, "of a later version")
	message.SetUnknown(append(message.GetUnknown(), unknown...))
}

// checkSourceUnknownFields does all that a source does, with unknown fields.
func checkSourceUnknownFields(ctx context.Context, t *trial) error {
	w, err := t.wholeOf(ctx)
	if err != nil {
		return err
	}
	p, err := t.start(ctx)
	if err != nil {
		return err
	}
	if err := t.describeUnknown(ctx, p); err != nil {
		return err
	}
	config, err := t.config(t.scenario.Source.Settings, t.identity(0), 1)
	if err != nil {
		return &SetupError{err}
	}
	addUnknown(config)
	if err := t.invoke(ctx, p, "SourceCheck with unknown fields", t.sourceSide().check, config); err != nil {
		return err
	}
	s := t.sourceIn(p)
	s.decorate = addUnknown
	if err := s.open(ctx, t.identity(0), 1); err != nil {
		return fmt.Errorf("with unknown fields: %w", err)
	}
	splits, _, err := s.discover(ctx)
	if err != nil {
		return fmt.Errorf("with unknown fields: %w", err)
	}
	if len(splits) < len(w.splits) {
		return fmt.Errorf("with unknown fields, SourceDiscover finds %d splits of %d", len(splits), len(w.splits))
	}
	c := t.newCursors(w)
	err = c.readRest(ctx, s, 0)
	if err == nil {
		err = c.compare()
	}
	if err == nil {
		err = s.checkpointComplete(ctx, 1, c.list)
	}
	if err == nil {
		err = s.close(ctx)
	}
	if err != nil {
		return fmt.Errorf("with unknown fields: %w", err)
	}
	return nil
}

func (t *trial) describeUnknown(ctx context.Context, p *process) error {
	request := &v1.DescribeRequest{}
	addUnknown(request)
	callContext, cancel := t.call(ctx)
	defer cancel()
	_, err := v1.NewConnectorClient(p.connection).Describe(callContext, request, grpc.WaitForReady(false))
	return t.answered(callContext, p, "Describe with unknown fields", err)
}
