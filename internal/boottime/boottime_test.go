package boottime_test

import (
	"testing"
	"time"

	"lapsewatch/internal/boottime"
)

func TestAClockThatNobodySetsHasNotBeenSet(t *testing.T) {
	stepped := boottime.Start()
	time.Sleep(20 * time.Millisecond)
	if by := stepped(); by.Abs() > time.Second {
		t.Errorf("set by %v", by)
	}
}
