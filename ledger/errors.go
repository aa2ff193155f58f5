package ledger

import "errors"

// What keeps a store from being used, and what to do. Nothing was changed in it.
var (
	ErrDamaged = errors.New("the ledger is damaged and was left as it is: move it aside together with its -wal and -shm files, " +
		"then restore a backup, or run without it and be told of every open finding again")
	ErrForeign = errors.New("this is not a ledger of Lapsewatch, or its first page is damaged; it was left as it is: " +
		"name another file in ledger.dsn, or move this one aside and restore a backup")
	ErrNewer    = errors.New("a newer version of Lapsewatch wrote this ledger; it was left as it is: run that version or a later one")
	ErrReadOnly = errors.New("the ledger cannot be written: let this user write to the file and to its folder, on a file system that is not mounted read-only")
	ErrFull     = errors.New("no space is left for the ledger, and nothing of this was recorded: make room on its file system")
	ErrBusy     = errors.New("another process is writing to the ledger, and nothing of this was recorded: let it finish, and run one pass at a time")
)
