package gitfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"lapsewatch/internal/clean"
)

// local reaches a repository on this machine by the program git, which runs the hooks of
// that repository. go-git's own transport of this kind waits for them without an end: this
// one ends with the context, and ends all that the program has started.
type local struct{ bound context.Context }

func (l local) NewUploadPackSession(to *transport.Endpoint, _ transport.AuthMethod) (transport.UploadPackSession, error) {
	return l.start("upload-pack", to.Path)
}

func (l local) NewReceivePackSession(to *transport.Endpoint, _ transport.AuthMethod) (transport.ReceivePackSession, error) {
	return l.start("receive-pack", to.Path)
}

// patience is how long the pipes of a program that was ended are read to their end.
const patience = time.Second

// start runs `git upload-pack -- FOLDER`, or git receive-pack.
func (l local) start(service, folder string) (*session, error) {
	program := exec.CommandContext(l.bound, "git", service, "--", filepath.Clean(folder))
	program.Env = environment()
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	program.Cancel = func() error { return syscall.Kill(-program.Process.Pid, syscall.SIGKILL) }
	program.WaitDelay = patience
	s := &session{program: program}
	program.Stderr = &s.said
	var err error
	if s.stdin, err = program.StdinPipe(); err != nil {
		return nil, err
	}
	if s.stdout, err = program.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := program.Start(); err != nil {
		return nil, fmt.Errorf("start git, which a remote on this machine needs: %w", err)
	}
	// A program that left the group may hold the pipes longer than the context lasts.
	s.stop = context.AfterFunc(l.bound, func() { _ = errors.Join(s.stdin.Close(), s.stdout.Close()) })
	return s, nil
}

// environment is what git needs of this program's own, which may hold secrets that are
// nothing to the hooks of a repository.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(one string) bool {
		name, _, _ := strings.Cut(one, "=")
		return !slices.Contains([]string{"PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "LANG"}, name) && !strings.HasPrefix(name, "GIT_CONFIG")
	})
}

// session is one run of the program.
type session struct {
	program    *exec.Cmd
	stdin      io.WriteCloser
	stdout     io.ReadCloser
	said       words
	stop       func() bool
	advertised *packp.AdvRefs
	asked      bool
	ended      bool
}

func (s *session) answer() io.Reader { return io.LimitReader(s.stdout, maxAnswer) }

// AdvertisedReferences is not used here, and part of the interface.
func (s *session) AdvertisedReferences() (*packp.AdvRefs, error) {
	return s.AdvertisedReferencesContext(context.Background())
}

// AdvertisedReferencesContext reads what the repository has. The session's own context
// bounds it.
func (s *session) AdvertisedReferencesContext(context.Context) (*packp.AdvRefs, error) {
	if s.advertised != nil {
		return s.advertised, nil
	}
	read := packp.NewAdvRefs()
	err := read.Decode(s.answer())
	switch {
	case errors.Is(err, packp.ErrEmptyAdvRefs):
		return nil, transport.ErrEmptyRemoteRepository
	case err != nil:
		s.asked = true // it has ended, or speaks something else
		return nil, s.explained(err)
	}
	transport.FilterUnsupportedCapabilities(read.Capabilities)
	s.advertised = read
	return read, nil
}

// explained is what the program said where it ended without an answer.
func (s *session) explained(err error) error {
	_ = s.Close() // so that all of what it says is there
	said := s.said.String()
	switch {
	case strings.Contains(said, "does not appear to be a git repository"):
		return transport.ErrRepositoryNotFound
	case said != "":
		return fmt.Errorf("git says: %s", clean.Text(said, shownOfError))
	default:
		return err
	}
}

// UploadPack asks for commits, and gives the answer, which is to be closed.
func (s *session) UploadPack(_ context.Context, request *packp.UploadPackRequest) (*packp.UploadPackResponse, error) {
	s.asked = true
	err := errors.Join(request.UploadRequest.Encode(s.stdin), request.UploadHaves.Encode(s.stdin, true))
	if err == nil {
		err = pktline.NewEncoder(s.stdin).Encodef("done\n")
	}
	if err = errors.Join(err, s.stdin.Close()); err != nil {
		return nil, s.explained(err)
	}
	response := packp.NewUploadPackResponse(request)
	if err := response.Decode(io.NopCloser(s.answer())); err != nil {
		return nil, s.explained(err)
	}
	return response, nil
}

// ReceivePack sends commits, and gives what the repository says of them.
func (s *session) ReceivePack(_ context.Context, request *packp.ReferenceUpdateRequest) (*packp.ReportStatus, error) {
	s.asked = true
	if err := request.Encode(s.stdin); err != nil {
		return nil, s.explained(err)
	}
	if err := s.stdin.Close(); err != nil {
		return nil, s.explained(err)
	}
	answer := s.answer()
	switch {
	case !request.Capabilities.Supports(capability.ReportStatus):
		return nil, s.Close()
	case request.Capabilities.Supports(capability.Sideband64k):
		answer = sideband.NewDemuxer(sideband.Sideband64k, answer)
	case request.Capabilities.Supports(capability.Sideband):
		answer = sideband.NewDemuxer(sideband.Sideband, answer)
	}
	report := packp.NewReportStatus()
	if err := report.Decode(answer); err != nil {
		return nil, s.explained(err)
	}
	return report, report.Error()
}

// Close tells a program that was asked nothing that there is nothing to do, and waits for
// its end.
func (s *session) Close() error {
	if s.ended {
		return nil
	}
	s.ended = true
	if !s.asked {
		_, _ = s.stdin.Write(pktline.FlushPkt) // a program that has ended needs no telling
	}
	_ = s.stdin.Close()                    // it may be closed already
	_, _ = io.Copy(io.Discard, s.answer()) // what it says further is of no interest
	err := s.program.Wait()
	s.stop()
	if _, refused := errors.AsType[*exec.ExitError](err); refused {
		return nil // its answer, or the lack of one, says what it was
	}
	return err
}

// words are the beginning of what a program says of its failure.
type words struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *words) Write(said []byte) (int, error) {
	const most = 4 << 10
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(said[:min(len(said), max(0, most-w.text.Len()))])
	return len(said), nil
}

// String is one line.
func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return plain(w.text.String())
}
