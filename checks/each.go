package checks

import (
	"fmt"
	"iter"
	"runtime/debug"
	"sync"
)

// Each calls work for every item with at most limit calls at a time, and returns when
// all have ended. A panic in work is handed to failed as an error with the stack, so
// that one hostile input cannot end the process; a goroutine started by work itself
// must protect itself.
func Each[T any](limit int, items iter.Seq[T], work func(T), failed func(T, error)) {
	var running sync.WaitGroup
	slots := make(chan struct{}, max(limit, 1))
	for item := range items {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			if err := Guard(func() { work(item) }); err != nil {
				failed(item, err)
			}
		})
	}
	running.Wait()
}

// Guard calls f and turns a panic into an error that carries the stack.
func Guard(f func()) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	f()
	return nil
}
