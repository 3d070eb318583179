package record

import "encoding/binary"

// extensionHead is the size of an extension's type, reserved bytes and length.
const extensionHead = 8

// MustUnderstand is the bit of an extension's type that makes readers refuse
// the batch where they do not know the type.
const MustUnderstand = 0x8000

// AppendExtension appends one extension to encoded ones.
func AppendExtension(encoded []byte, kind uint16, data []byte) []byte {
	encoded = binary.LittleEndian.AppendUint32(encoded, uint32(kind))
	encoded = binary.LittleEndian.AppendUint32(encoded, uint32(len(data)))
	return append(encoded, data...)
}

// ExtensionCursor walks the extensions of a valid record.
type ExtensionCursor struct {
	rest []byte
	kind uint16
	data []byte
}

// ExtensionCursor starts a walk over the record's extensions, in order.
func (v View) ExtensionCursor() ExtensionCursor { return ExtensionCursor{rest: v.Extensions()} }

// Next moves to the next extension and reports whether there is one.
func (c *ExtensionCursor) Next() bool {
	if len(c.rest) == 0 {
		return false
	}
	end := extensionHead + int(binary.LittleEndian.Uint32(c.rest[4:]))
	c.kind, c.data = binary.LittleEndian.Uint16(c.rest), c.rest[extensionHead:end:end]
	c.rest = c.rest[end:]
	return true
}

// Type is the type of the extension that Next moved to.
func (c *ExtensionCursor) Type() uint16 { return c.kind }

// Data is its content.
func (c *ExtensionCursor) Data() []byte { return c.data }

// Extension is the content of the first extension of a type.
func (v View) Extension(kind uint16) (data []byte, found bool) {
	for c := v.ExtensionCursor(); c.Next(); {
		if c.Type() == kind {
			return c.Data(), true
		}
	}
	return nil, false
}
