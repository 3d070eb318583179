package record

import "encoding/binary"

// ExtensionHeader is the type of an extension that is one header of the record:
// u32 length of the name, whose top bit says that the value is null; the name;
// the value. A record may have several, of the same name too; their order counts.
const ExtensionHeader = 1

const (
	headerLengthBytes = 4
	headerNull        = 1 << 31
)

// AppendHeader appends one header to encoded extensions. A nil value is null.
func AppendHeader(encoded, name, value []byte) []byte {
	length := uint32(len(name))
	if value == nil {
		length |= headerNull
	}
	encoded = binary.LittleEndian.AppendUint32(encoded, ExtensionHeader)
	encoded = binary.LittleEndian.AppendUint32(encoded, uint32(headerLengthBytes+len(name)+len(value)))
	encoded = binary.LittleEndian.AppendUint32(encoded, length)
	encoded = append(encoded, name...)
	return append(encoded, value...)
}

// validHeader reports whether the content of an extension is a header.
func validHeader(data []byte) bool {
	if len(data) < headerLengthBytes {
		return false
	}
	length := binary.LittleEndian.Uint32(data)
	name, rest := length&^headerNull, uint32(len(data)-headerLengthBytes)
	return name == rest || name < rest && length&headerNull == 0
}

// HeaderCursor walks the headers of a valid record.
type HeaderCursor struct {
	extensions  ExtensionCursor
	name, value []byte
}

// Headers starts a walk over the record's headers, in order.
func (v View) Headers() HeaderCursor { return HeaderCursor{extensions: v.ExtensionCursor()} }

// Next moves to the next header and reports whether there is one.
func (c *HeaderCursor) Next() bool {
	for c.extensions.Next() {
		if c.extensions.Type() != ExtensionHeader {
			continue
		}
		data := c.extensions.Data()
		length := binary.LittleEndian.Uint32(data)
		end := headerLengthBytes + int(length&^headerNull)
		c.name, c.value = data[headerLengthBytes:end:end], nil
		if length&headerNull == 0 {
			c.value = data[end:len(data):len(data)]
		}
		return true
	}
	return false
}

// Name is the name of the header that Next moved to.
func (c *HeaderCursor) Name() []byte { return c.name }

// Value is its value, nil where null.
func (c *HeaderCursor) Value() []byte { return c.value }

// Header is the value of the last header of a name, which is the one that counts
// in Kafka; nil where it is null.
func (v View) Header(name string) (value []byte, found bool) {
	for c := v.Headers(); c.Next(); {
		if string(c.Name()) == name {
			value, found = c.Value(), true
		}
	}
	return value, found
}
