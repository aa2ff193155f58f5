// Package msgraph signs in to Microsoft Entra and asks Microsoft Graph, so that a failure
// is always told apart from an empty answer: with a reason, never with silence.
//
// Signing in is azidentity's; the requests and the models are those of msgraph-sdk-go. What
// lies between them is this package's own: a gate that leaves Entra alone after a refusal
// (over runs, in watch.Memory), one transport with limits on time and size that follows no
// redirect, retries that honour and cap Retry-After, Microsoft's pace, and the walk over
// pages.
//
// It knows nothing about applications, mail or findings, judges nothing, and grants no
// permission.
package msgraph
