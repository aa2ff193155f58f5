package exec_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	osexec "os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lapsewatch/alerts/alerttest"
)

// With this word as its first argument the test binary is the program that the channel
// runs: next come what it is to do and where to keep what it was given.
const beTheProgram = "be-the-program"

func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == beTheProgram {
		program(os.Args[2], os.Args[3])
	}
	os.Exit(m.Run())
}

// given is what one run of the program was given.
type given struct {
	Arguments   []string
	Environment []string
	Folder      string
	Input       []byte
}

// program ends the process. Its behaviour stands in the folder, unless it is told one.
func program(behaviour, folder string) {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	working, _ := os.Getwd()
	document, err := json.Marshal(given{os.Args, os.Environ(), working, input})
	if err != nil {
		panic(err)
	}
	name := fmt.Sprintf("given-%020d", time.Now().UnixNano())
	if err := os.WriteFile(filepath.Join(folder, name), document, 0o600); err != nil {
		panic(err)
	}
	if behaviour == "" {
		told, err := os.ReadFile(filepath.Join(folder, "behaviour"))
		if err != nil {
			panic(err)
		}
		behaviour = string(told)
	}
	behave(behaviour, folder)
}

func behave(behaviour, folder string) {
	fail := func(status int, words string) {
		fmt.Fprintf(os.Stderr, "%s\nand more: %s\n", words, os.Getenv("TOKEN"))
		os.Exit(status)
	}
	switch alerttest.Behaviour(behaviour) {
	case alerttest.Accepts:
		fmt.Printf("\n  ticket 42 \x1b[31mopened with %s\nand more\n", os.Getenv("TOKEN"))
	case alerttest.Throttles, alerttest.Fails:
		fail(75, "come back later, with "+os.Getenv("TOKEN"))
	case alerttest.Refuses:
		fail(1, "no such queue for "+os.Getenv("TOKEN"))
	case alerttest.RefusesCredentials:
		fail(77, "may not log in with "+os.Getenv("TOKEN"))
	case alerttest.HangsUp:
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case alerttest.Hangs:
		time.Sleep(time.Hour)
	case alerttest.Babbles:
		for {
			fmt.Println(strings.Repeat("on and on ", 1000))
		}
	default:
		special(behaviour, folder)
	}
	os.Exit(0)
}

// special are the behaviours of single tests, with what they need behind a colon.
func special(behaviour, folder string) {
	what, argument, _ := strings.Cut(behaviour, ":")
	switch what {
	case "leaves a child behind", "does not want to end":
		child := osexec.Command(os.Args[0], beTheProgram, "stays:"+argument, folder)
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			panic(err)
		}
		if what == "leaves a child behind" {
			return
		}
		signal.Ignore(syscall.SIGTERM)
		time.Sleep(time.Hour)
	case "stays":
		signal.Ignore(syscall.SIGTERM)
		conn, err := net.Dial("tcp", argument)
		if err != nil {
			panic(err)
		}
		// Until the process is killed, or the test closes the other end.
		_, _ = io.Copy(io.Discard, conn)
	case "says nothing":
	case "floods":
		for range 3000 {
			fmt.Println(strings.Repeat("on and on ", 1000))
		}
	default:
		panic("unknown behaviour " + behaviour)
	}
}
