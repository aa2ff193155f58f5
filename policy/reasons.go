package policy

import "lapsewatch/watch"

// verdict is what policy makes of a reason when no rule says otherwise.
type verdict struct {
	severity watch.Severity
	remedy   string
}

// verdicts is read-only.
var verdicts = map[watch.Reason]verdict{
	watch.ExpiresSoon:    {watch.Warning, "Renew it and install the new one before that date."},
	watch.Expired:        {watch.Critical, "Renew it now and install the new one; whoever relies on it is failing."},
	watch.NotYetValid:    {watch.Critical, "Check the clock of the machine that issued it and of this one, or install one that is valid already."},
	watch.NeverExpires:   {watch.Notice, "Give it an end: a credential that never lapses is never rotated."},
	watch.RenewalOverdue: {watch.Warning, "Look at the machine that renews it (ACME client, cert-manager, issuer): it should have done so by now."},
	watch.InvalidDates:   {watch.Critical, "Issue it again: its notAfter lies before its notBefore, so it is never valid."},

	watch.ChainBroken:      {watch.Warning, "Install the complete chain: the leaf first, then every intermediate certificate."},
	watch.UntrustedIssuer:  {watch.Warning, "If the issuer is your own CA, add its root to the check's trust.files; otherwise install a certificate of a trusted CA."},
	watch.SelfSigned:       {watch.Notice, "Install a certificate that clients can verify, or add this one to the check's trust.files."},
	watch.NameMismatch:     {watch.Warning, "Install a certificate that lists this name in its subjectAltName, or correct the name that is watched."},
	watch.DivergentNode:    {watch.Warning, "Bring this node to the certificate that the other addresses serve, or take it out of the DNS record."},
	watch.KeyNotProven:     {watch.Warning, "Check that certificate and private key on the server belong together; clients cannot finish the handshake."},
	watch.UnneededExpiring: {watch.Warning, "Remove that certificate from the chain that the server presents; old clients may insist on it."},

	watch.ClockDrift: {watch.Warning, "Look at the host's time synchronisation (chronyc tracking, timedatectl)."},

	watch.NameNotFound:      {watch.Unknown, "Check the name and the DNS servers that this machine uses."},
	watch.Unreachable:       {watch.Unknown, "Check the route, the firewall and that the host is up."},
	watch.Refused:           {watch.Unknown, "Check that the service is running and listens on this port."},
	watch.TimedOut:          {watch.Unknown, "Check that the service answers and that no firewall drops the packets; a slow service may need a longer timeout."},
	watch.NotTLS:            {watch.Unknown, "Check the port, or name the protocol if it starts in plain text (smtp://, imap://, postgres://…)."},
	watch.StartTLSRefused:   {watch.Unknown, "Enable STARTTLS on the server, or use its implicit TLS port."},
	watch.HandshakeFailed:   {watch.Unknown, "Look at the server's TLS log; the alert in the message says what it objected to."},
	watch.Unparsable:        {watch.Unknown, "Issue it again with a tool that follows RFC 5280, or correct the file."},
	watch.NotFound:          {watch.Unknown, "Correct the path, or remove it from the configuration."},
	watch.Unreadable:        {watch.Unknown, "Look at the error; the next run tries again."},
	watch.PermissionDenied:  {watch.Unknown, "Let the user that runs Lapsewatch read it; private keys need not be readable."},
	watch.PassphraseMissing: {watch.Unknown, "Give the passphrase by reference in the check's options."},
	watch.PassphraseWrong:   {watch.Unknown, "Correct the referenced passphrase."},
	watch.TooLarge:          {watch.Unknown, "Check that it is what you meant to watch, or raise the limit in the check's options."},
	watch.NoCertificate:     {watch.Unknown, "Check that it is what you meant to watch: it holds no certificate."},
	watch.InternalError:     {watch.Unknown, "This is a fault of Lapsewatch: please report it with the message."},
}
