package ntp

import (
	"math/bits"
	"time"
)

// time64 is an NTP timestamp (RFC 5905, 6): seconds since 1900-01-01 in the upper half,
// fractions of 2⁻³² s in the lower. It wraps every 2³² s, first on 2036-02-07 at
// 06:28:16 UTC, and does not say in which era it lies. So it only means something as the
// difference from another one that is known to lie within 2³¹ s (68 years) of it.
type time64 uint64

// epoch is how long the NTP era 0 began before that of Unix, in seconds.
const epoch = 2_208_988_800

func newTime64(t time.Time) time64 {
	seconds := uint32(t.Unix() + epoch) //nolint:gosec // the era is left out
	fraction, _ := bits.Div64(uint64(t.Nanosecond()), 0, uint64(time.Second))
	// Div64 gives 2⁻⁶⁴ of a second.
	return time64(seconds)<<32 | time64(fraction>>32)
}

// since is t−u in 2⁻³² s, taken as the nearest of the differences that it may be.
func (t time64) since(u time64) int64 { return int64(t - u) } //nolint:gosec // modulo 2⁶⁴ by intent

// duration turns 2⁻³² s into nanoseconds, rounded.
func duration(units int64) time.Duration {
	seconds, fraction := units>>32, uint64(uint32(units))                                               //nolint:gosec // the lower half
	return time.Duration(seconds)*time.Second + time.Duration((fraction*uint64(time.Second)+1<<31)>>32) //nolint:gosec // below 10⁹
}

// short is the 32-bit form of RFC 5905, 6: 16 bits of seconds, 16 of fractions.
func short(units uint32) time.Duration {
	return time.Duration(uint64(units) * uint64(time.Second) >> 16) //nolint:gosec // below 2⁶³
}

// power is 2 to the exponent, in seconds, for exponents from 2⁻³⁰ s to 2¹⁷ s (36 h);
// what lies beyond counts as the nearest of them.
func power(exponent int8) time.Duration {
	if exponent < 0 {
		return time.Second >> min(-int(exponent), 30)
	}
	return time.Second << min(exponent, 17)
}
