package schema

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"lapsewatch/internal/sqlread"
)

// maxDigits is more than any number of a database has: DECIMAL(65) is the longest.
const maxDigits = 70

var numberPattern = regexp.MustCompile(`^-?[0-9]+(\.0*)?$`)

// number reads a whole number that a server wrote; a scale of zeros may follow it.
func number(text string) (*big.Int, bool) {
	if len(text) > maxDigits || !numberPattern.MatchString(text) {
		return nil, false
	}
	whole, _, _ := strings.Cut(text, ".")
	return new(big.Int).SetString(whole, 10)
}

// span is what a type can hold.
type span struct{ lowest, highest *big.Int }

var decimalPattern = regexp.MustCompile(`^(?:decimal|numeric)\(([0-9]{1,4}),([0-9]{1,4})\)( unsigned)?$`)

// spanOf is what whole numbers a type of a dialect can hold; false if it is none of
// numbers, or has no limit of its own.
func spanOf(dialect sqlread.Dialect, typeName string) (span, bool) {
	if parts := decimalPattern.FindStringSubmatch(typeName); parts != nil {
		return decimal(parts[1], parts[2], parts[3] != "")
	}
	bare, unsigned := strings.CutSuffix(typeName, " unsigned")
	if bits := bitsOf(dialect)[bare]; bits > 0 {
		return integer(bits, unsigned || dialect == sqlread.SQLServer && bare == "tinyint"), true
	}
	// Beyond these a float skips numbers (IEEE 754: 24 and 53 bits of significand).
	exact, float := map[string]uint{"float": 24, "double": 53}[bare]
	if !float || dialect != sqlread.MySQL {
		return span{}, false
	}
	highest := new(big.Int).Lsh(big.NewInt(1), exact)
	return span{new(big.Int).Neg(highest), highest}, true
}

func bitsOf(dialect sqlread.Dialect) map[string]uint {
	return map[sqlread.Dialect]map[string]uint{
		sqlread.PostgreSQL: {"smallint": 16, "integer": 32, "bigint": 64},
		sqlread.MySQL:      {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64},
		sqlread.SQLServer:  {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64},
	}[dialect]
}

func integer(bits uint, unsigned bool) span {
	one := big.NewInt(1)
	if unsigned {
		highest := new(big.Int).Lsh(one, bits)
		return span{new(big.Int), highest.Sub(highest, one)}
	}
	half := new(big.Int).Lsh(one, bits-1)
	return span{new(big.Int).Neg(half), new(big.Int).Sub(half, one)}
}

// decimal holds as many digits as its precision has beyond its scale.
func decimal(precision, scale string, unsigned bool) (span, bool) {
	digits, err := strconv.Atoi(precision)
	behind, errScale := strconv.Atoi(scale)
	if err != nil || errScale != nil || digits-behind < 1 || digits > math.MaxInt16 {
		return span{}, false
	}
	highest := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits-behind)), nil)
	highest.Sub(highest, big.NewInt(1))
	if unsigned {
		return span{new(big.Int), highest}, true
	}
	return span{new(big.Int).Neg(highest), highest}, true
}

// whole reports whether a type is one of whole numbers, which tables number rows with.
func whole(dialect sqlread.Dialect, typeName string) bool {
	_, known := spanOf(dialect, typeName)
	return known && !strings.HasPrefix(typeName, "float") && !strings.HasPrefix(typeName, "double")
}
