package oauth

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"lapsewatch/watch"
)

// Why a store cannot be used, where that is not plainly the system's error.
var (
	errLocked    = errors.New("another run of Lapsewatch, or a program that takes the same lock, is using it")
	errChanged   = errors.New("somebody else has put another refresh token into the store meanwhile")
	errNotOurs   = errors.New("it is a link, has another name, or belongs to another user")
	errOwner     = errors.New("its owner cannot be kept")
	errUndecided = errors.New("an earlier run has left a refresh token beside the store, and nothing is remembered that would say which of the two is newer")
)

// notStorable says that a store cannot be used, so that nothing is sent, with a remedy for
// the cause.
func notStorable(err error) error {
	reason, remedy := watch.StoreUnusable, "Put the refresh token, and nothing else, where the options refer to, and let Lapsewatch read it and write beside it."
	switch {
	case errors.Is(err, errCommand):
		remedy = "Run store.command by hand, as the user that runs Lapsewatch, and look what it says: it must end with 0 once it has stored what it reads."
	case errors.Is(err, errChanged):
		remedy = "Look who else writes to the store: nobody may who does not hold its lock."
	case errors.Is(err, errLocked):
		remedy = "Look for the other run, if this stays so: two at once would use up each other's token."
	case errors.Is(err, errNotOurs):
		remedy = "Look who has made this file, and remove it."
	case errors.Is(err, errUndecided):
		remedy = "Find out which of the two works, put that into the store, and remove the other."
	case errors.Is(err, errOwner):
		remedy = "Let Lapsewatch run as the owner of the file; or let a group that Lapsewatch is in own it, and read it (chmod g+r)."
	case errors.Is(err, fs.ErrNotExist):
		reason, remedy = watch.NotFound, signInAgain
	case errors.Is(err, fs.ErrPermission):
		remedy = "Let the user that runs Lapsewatch read the store and write to its folder; until then it asks for no new token, because the old one would be used up."
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EBUSY), errors.Is(err, syscall.EXDEV):
		remedy = "Mount the folder of the store to be written to, and not the file by itself: the file is replaced as a whole."
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		remedy = "Make room where the store is."
	}
	return &unreadable{reason: reason, remedy: remedy, err: fmt.Errorf("nothing was sent: %w", err)}
}

// storeVerdict leaves errChanged to whoever can start over.
func storeVerdict(err error) error {
	if errors.Is(err, errChanged) {
		return errChanged
	}
	return notStorable(err)
}

// enough says whether the pass lasts until an answer has come and is stored.
func (v *vault) enough(ctx context.Context, patience time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	wanted := patience + fileStoring
	if v.command != nil {
		wanted = patience + mostStores*(commandPatience+grace)
	}
	deadline, limited := ctx.Deadline()
	if left := time.Until(deadline); limited && left < wanted {
		return &unreadable{
			reason: watch.TimedOut, err: fmt.Errorf("nothing was sent: the pass has too little time left: %s, and a refresh wants %s", left.Round(time.Second), wanted),
			remedy: "Give the check more time (limits.check_deadline and limits.deadline), or move some of its entries into a check of their own.",
		}
	}
	return nil
}

// notRemembered says that the ledger does not take what the next run has to know.
func notRemembered(err error) error {
	return &unreadable{
		reason: watch.StoreUnusable, err: fmt.Errorf("nothing was sent: remember that a refresh token is used: %w", err),
		remedy: "Mend the ledger: without it the next run would not know what became of the token.",
	}
}

// usedUp says that the token in the store is one that was replaced. A server takes it for
// stolen, and ends all that came of the sign-in (RFC 9700, section 4.14.2).
func usedUp(s SignIn, known past, token watch.Secret) error {
	if known.UsedUp == "" || known.UsedUp != fingerprint(token.Reveal()) {
		return nil
	}
	where, remedy := s.Store.File, signInAgain
	if where == "" {
		where, remedy = s.RefreshToken.File, "Look why what store.command has stored does not show there; if it is gone, let a person sign in again."
	}
	return &unreadable{reason: watch.StoreUnusable, remedy: remedy, err: fmt.Errorf(
		"nothing was sent: the refresh token in %s was used up at %s, and what replaced it does not stand there", where, stamp(known.UsedUpAt))}
}
