package incidents

import (
	"reflect"
	"slices"
	"text/template/parse"
)

// pipe gives the type of {{a | b | c}}.
func (c *checker) pipe(pipe *parse.PipeNode, dot reflect.Type) reflect.Type {
	var of reflect.Type
	for i, command := range pipe.Cmds {
		given := len(command.Args) > 1 || i > 0
		first := command.Args[0]
		called, isCall := first.(*parse.IdentifierNode)
		switch {
		case isCall:
			arguments := c.values(command.Args[1:], dot)
			if i > 0 {
				arguments = append(arguments, argument{at: command, of: of})
			}
			of = c.call(called, arguments)
		case given:
			of = c.fault(command, "%s is no function and takes nothing", first)
		default:
			of = c.value(first, dot)
		}
	}
	return of
}

// argument is a value that a function is given.
type argument struct {
	at parse.Node
	of reflect.Type
}

func (c *checker) values(nodes []parse.Node, dot reflect.Type) []argument {
	var given []argument
	for _, node := range nodes {
		given = append(given, argument{at: node, of: c.value(node, dot)})
	}
	return given
}

func (c *checker) value(node parse.Node, dot reflect.Type) reflect.Type {
	switch node := node.(type) {
	case *parse.DotNode:
		return dot
	case *parse.FieldNode:
		return c.fields(node, dot, node.Ident)
	case *parse.VariableNode:
		return c.fields(node, c.variable(node, node.Ident[0]), node.Ident[1:])
	case *parse.ChainNode:
		return c.fields(node, c.value(node.Node, dot), node.Field)
	case *parse.PipeNode:
		if len(node.Decl) > 0 {
			return c.fault(node, "a variable is set in an action of its own: {{$name := …}}")
		}
		return c.pipe(node, dot)
	case *parse.IdentifierNode:
		return c.call(node, nil)
	case *parse.StringNode:
		return typeText
	case *parse.BoolNode:
		return typeTruth
	case *parse.NumberNode:
		if !number(node) {
			return c.fault(node, "%s: only whole numbers are allowed", node)
		}
		return typeNumber
	default:
		return c.fault(node, "%s is not allowed: %s", node, manual)
	}
}

// fields follows .A.B from a type.
func (c *checker) fields(at parse.Node, from reflect.Type, names []string) reflect.Type {
	for _, name := range names {
		if from == nil {
			return nil
		}
		if slices.Contains(c.maps[from], name) {
			from = from.Elem()
			continue
		}
		var field reflect.StructField
		found := false
		if from.Kind() == reflect.Struct {
			field, found = from.FieldByName(name)
		}
		if !found {
			return c.missing(at, from, name)
		}
		from = field.Type
	}
	return from
}

func (c *checker) missing(at parse.Node, from reflect.Type, name string) reflect.Type {
	if _, above := c.root.FieldByName(name); above && from != c.root {
		return c.fault(at, ".%s is no field of what stands here: write $.%s", name, name)
	}
	switch {
	case from.Kind() == reflect.Slice:
		return c.fault(at, "%s: a list has no field .%s: go over it with {{range}}", at, name)
	case from.Kind() == reflect.Struct || c.maps[from] != nil:
		return c.fault(at, ".%s is no field here: want %s", name, c.offer(from, reflect.Invalid))
	default:
		return c.fault(at, "%s: %s has no field .%s", at, describe(from), name)
	}
}

// call gives the type of what a function gives.
func (c *checker) call(called *parse.IdentifierNode, given []argument) reflect.Type {
	name := called.Ident
	own, known := c.known[name]
	switch {
	case slices.Contains(harmless(), name):
		return c.callHarmless(called, given)
	case !known || name == functionRound:
		return c.fault(called, "function %q is not allowed: the functions are %s", name, allowedFunctions())
	}
	signature := reflect.TypeOf(own)
	if len(given) != signature.NumIn() {
		return c.fault(called, "%s takes %d values, and is given %d: %s", name, signature.NumIn(), len(given), manual)
	}
	for i, value := range given {
		if value.of != nil && value.of != signature.In(i) {
			c.fault(value.at, "%s takes %s as value %d, and is given %s", name, describe(signature.In(i)), i+1, describe(value.of))
		}
	}
	return signature.Out(0)
}

// callHarmless follows what text/template says of its own functions.
func (c *checker) callHarmless(called *parse.IdentifierNode, given []argument) reflect.Type {
	least, most := bounds(called.Ident)
	if len(given) < least || len(given) > most {
		return c.fault(called, "%s is given %d values: %s", called.Ident, len(given), manual)
	}
	switch called.Ident {
	case "not":
		return typeTruth
	case "len":
		if of := given[0].of; of != nil && of.Kind() != reflect.String && of.Kind() != reflect.Slice {
			c.fault(given[0].at, "len takes a list or a text, and is given %s", describe(of))
		}
		return typeNumber
	case "and", "or":
		return oneType(given)
	default:
		return c.compare(called, given)
	}
}

const unlimited = 100

func bounds(name string) (least, most int) {
	switch name {
	case "not", "len":
		return 1, 1
	case "and", "or":
		return 1, unlimited
	case "eq":
		return 2, unlimited
	default:
		return 2, 2
	}
}

// oneType is for and and or, which give one of their values.
func oneType(given []argument) reflect.Type {
	for _, value := range given {
		if value.of != given[0].of {
			return typeMixed
		}
	}
	return given[0].of
}

func (c *checker) compare(called *parse.IdentifierNode, given []argument) reflect.Type {
	for _, value := range given {
		if value.of == nil {
			continue
		}
		if first := given[0].of; first != nil && first != value.of {
			c.fault(value.at, "%s compares %s with %s: both must be of one kind", called.Ident, describe(first), describe(value.of))
			continue
		}
		truth := value.of == typeTruth && (called.Ident == "eq" || called.Ident == "ne")
		if value.of != typeText && value.of != typeNumber && !truth {
			c.fault(value.at, "%s cannot compare %s", called.Ident, describe(value.of))
		}
	}
	return typeTruth
}
