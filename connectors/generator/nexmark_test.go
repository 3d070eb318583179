package generator

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

var defaultNexmark = nexmark{seed: 1, eventRate: eventRateDefault}

// The vectors are those of an independent implementation.
func TestNexmarkEvents(t *testing.T) {
	vectors := []struct {
		event  uint64
		length int
		prefix string
	}{
		{0, 200, "00e8030000000000000c004a756c696520416272616d7311006c78626b646573406a697876702e636f6d1300383636322033" +
			"30363920363135382039353538070050686f656e6978020057597a006a74677a6d7867796f716e726b6a66746c7565687375" +
			"63676f797067796d736d74716a756a647471777776706575726b736e67687574696f7361636775686f696c72796b766c7864" +
			"717a616b706c7a6e7962776276666763697172616b6b7a7a637972646f7375716b6f656665766f756a71697164747475726e"},
		{1, 500, "01e803000000000000eb030000000000000b00000000000000071d00000000000079110b000000000057c4028f4e01000014" +
			"00756c7666667876676772756b6f"},
		{4, 100, "02e803000000000000e90300000000000010dc0300000000000c006368616e6e656c2d323930312e0068747470733a2f2f77" +
			"77772e6e65786d61726b2e636f6d2f626e636a622f6974656d2e68746d3f71756572793d310b006e6e7062776b7776627a6f"},
		{49, 100, "02e803000000000000e90300000000000042b4070000000000080046616365626f6f6b2e0068747470733a2f2f7777772e6e" +
			"65786d61726b2e636f6d2f6a656c77672f6974656d2e68746d3f71756572793d310f006168677875796a637469736c646a6e"},
	}
	for _, vector := range vectors {
		value := defaultNexmark.append(nil, vector.event)
		if len(value) != vector.length {
			t.Errorf("event %d has %d bytes, want %d", vector.event, len(value), vector.length)
		}
		if got := hex.EncodeToString(value[:len(vector.prefix)/2]); got != vector.prefix {
			t.Errorf("event %d begins with\n%s, want\n%s", vector.event, got, vector.prefix)
		}
	}
	sum := sha256.Sum256(defaultNexmark.append(nil, 1))
	if got, want := hex.EncodeToString(sum[:]), "16b1a8719117e6e0bf09bc258c32b07d1cf95bc1433eaf798f62cd5118e1bdab"; got != want {
		t.Errorf("SHA-256 of event 1 is %s, want %s", got, want)
	}
}

func TestNexmarkStream(t *testing.T) {
	vectors := []struct {
		events  uint64
		sum     string
		timeSum int64
	}{
		{10_000, "5def43298a891ea70bdc927bfb22da1287929b49cf45e668119caa188d332e89", 14369184004995000},
		{1_000_000, "2a3fce889f80f5c468e81206d3cbfbda85324c26cc9f38c24ea7075f3bdbce45", 1436918449999500000},
	}
	for _, vector := range vectors {
		hash := sha256.New()
		timeSum := int64(0)
		buffer := make([]byte, 0, 1024)
		for event := range vector.events {
			buffer = defaultNexmark.append(buffer[:0], event)
			hash.Write(buffer)
			timeSum += defaultNexmark.time(event)
		}
		if got := hex.EncodeToString(hash.Sum(nil)); got != vector.sum {
			t.Errorf("SHA-256 of %d events is %s, want %s", vector.events, got, vector.sum)
		}
		if timeSum != vector.timeSum {
			t.Errorf("sum of times of %d events is %d, want %d", vector.events, timeSum, vector.timeSum)
		}
	}
}
