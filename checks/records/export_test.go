package records

import (
	"time"

	"lapsewatch/internal/sqlread"
)

// Statements are those for a column "at" of a table "s.t" with the key "id", as of an
// instant that is in order.
func Statements(dialect sqlread.Dialect, typeName, epoch, zone string, after time.Time) (counting, listing string, err error) {
	t := table{
		Table:    Table{Name: sqlread.TableName{Schema: "s", Table: "t"}, Epoch: epoch, Zone: zone},
		language: languageOf(dialect), schema: "s",
		columns: map[string]column{"at": {name: "at", typeName: typeName, readable: true}},
		ids:     []column{{name: "id", typeName: "varbinary", readable: true}, {name: "who", typeName: "int", readable: true}},
	}
	b, err := t.bound("at", after)
	if err != nil {
		return "", "", err
	}
	return t.counting("at", b), t.listing("at", b, 10), nil
}

// Types are the names of those that tell a time.
func Types(dialect sqlread.Dialect) map[string]moment { return moments(dialect) }
