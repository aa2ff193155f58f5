package entry

import "testing"

func FuzzParseDate(f *testing.F) {
	for _, seed := range []string{"2027-03-01", "2027-02-30", "2027-03-01T17:00:00+01:00", "2027-03-01T17:00:00.123456789Z", "01/03/2027", "1e300", "9999-12-31T23:59:59-23:59", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		date, err := ParseDate(text)
		if err != nil {
			if !date.IsZero() {
				t.Errorf("%q is refused, and yet %v", text, date)
			}
			return
		}
		again, err := ParseDate(date.String())
		if err != nil || again != date || date.String() != text {
			t.Errorf("%q is written as %q and read as %v, %v", text, date, again, err)
		}
	})
}
