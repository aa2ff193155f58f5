package policy

import "lapsewatch/watch"

// verdict is what policy makes of a reason when no rule says otherwise.
type verdict struct {
	severity watch.Severity
	remedy   string
}

// Remedy is the next step that policy names for a reason.
func Remedy(reason watch.Reason) string { return verdicts[reason].remedy }

// verdicts is read-only.
var verdicts = map[watch.Reason]verdict{
	watch.ExpiresSoon:    {watch.Warning, "Renew it and install the new one before that date."},
	watch.Expired:        {watch.Critical, "Renew it now and install the new one; whoever relies on it is failing."},
	watch.NotYetValid:    {watch.Critical, "Check the clock of the machine that issued it and of this one, or install one that is valid already."},
	watch.NeverExpires:   {watch.Notice, "Give it an end: a credential that never lapses is never rotated."},
	watch.RenewalOverdue: {watch.Warning, "Look at what renews it (ACME client, cert-manager, the issuer; of a token the kubelet or its client): it should have done so by now."},
	watch.InvalidDates:   {watch.Critical, "Issue it again: its notAfter lies before its notBefore, so it is never valid."},

	watch.ChainBroken:      {watch.Warning, "Install the complete chain: the leaf first, then every intermediate certificate."},
	watch.UntrustedIssuer:  {watch.Warning, "If the issuer is your own CA, add its root to the check's trust.files; otherwise install a certificate of a trusted CA."},
	watch.SelfSigned:       {watch.Notice, "Install a certificate that clients can verify, or add this one to the check's trust.files."},
	watch.NameMismatch:     {watch.Warning, "Install a certificate that lists this name in its subjectAltName, or correct the name that is watched."},
	watch.DivergentNode:    {watch.Warning, "Bring this node to the certificate that the other addresses serve, or take it out of the DNS record."},
	watch.KeyNotProven:     {watch.Warning, "Check that certificate and private key on the server belong together; clients cannot finish the handshake."},
	watch.UnneededExpiring: {watch.Warning, "Remove that certificate from the chain that the server presents; old clients may insist on it."},

	watch.Superseded:      {watch.Notice, "Remove it: a newer one has taken over."},
	watch.OutOfService:    {watch.Notice, "Renew it before it is put into service again, or remove it."},
	watch.LeftOver:        {watch.Notice, "Remove it, so that the list shows what is in use."},
	watch.RolloverPending: {watch.Warning, "Hand the newer certificate to whoever verifies the signatures, then make it the active one before that date."},
	watch.LifetimeTooLong: {watch.Notice, "Replace it by one with a shorter life."},
	watch.NoOwner:         {watch.Notice, "Name an owner, so that there is somebody to tell."},

	watch.AuthSecretExpired:       {watch.Unknown, "Make a new client secret for the application that Lapsewatch signs in as, and put it where the check's options refer to; or change to workload identity, which has no secret."},
	watch.AuthSecretWrong:         {watch.Unknown, "Put the value of the client secret (not its ID) where the check's options refer to."},
	watch.AuthCertificateExpired:  {watch.Unknown, "Make a new certificate, add it to the application that Lapsewatch signs in as, and put it where the check's options refer to."},
	watch.AuthCertificateUnknown:  {watch.Unknown, "Add this certificate to the application that Lapsewatch signs in as, or refer to the one that is registered."},
	watch.AuthApplicationUnknown:  {watch.Unknown, "Check client_id and tenant; the application must be registered in, or consented to by, that tenant."},
	watch.AuthApplicationDisabled: {watch.Unknown, "Enable the application that Lapsewatch signs in as."},
	watch.AuthTenantUnknown:       {watch.Unknown, "Check tenant and cloud."},
	watch.AuthConsentMissing:      {watch.Unknown, "Let an administrator consent to the permissions of the application that Lapsewatch signs in as."},
	watch.AuthConditionalAccess:   {watch.Unknown, "Let the Conditional Access policy for workload identities allow this application from this network."},
	watch.AuthFederationRefused:   {watch.Unknown, "Check issuer, subject and audience of the application's federated credential against those of the token."},
	watch.AuthAssertionTime:       {watch.Unknown, "Check the clock of this machine, and that the projected token is renewed."},
	watch.AuthUnavailable:         {watch.Unknown, "Check that this machine has the identity that the check's sign_in names."},
	watch.AuthFailed:              {watch.Unknown, "Look at the error code in the message; the sign-in logs of the tenant show the same attempt."},

	watch.SignInSecretExpired: {watch.Critical, "Make a new client secret at the authorization server and give it to whoever signs in with the old one."},
	watch.SignInClientRefused: {watch.Critical, "Check the client ID and its secret, key or certificate against what is registered at the authorization server."},
	watch.SignInNotAllowed:    {watch.Critical, "Allow the client this grant at the authorization server."},
	watch.SignInGrantRefused:  {watch.Critical, "Let a person sign in again, and keep the new refresh token."},
	watch.SignInRefused:       {watch.Critical, "Look at the error of the authorization server in the message: services that sign in so get the same."},
	watch.SignInSlow:          {watch.Warning, "Look at the authorization server: whoever signs in waits as long."},
	watch.TokenRefused:        {watch.Critical, "Make a new token and give it to whoever uses the old one."},
	watch.TokenInactive:       {watch.Critical, "Issue a new token: this one has expired, was revoked, or was never issued there."},
	watch.TokenNotStored:      {watch.Critical, "Let a person sign in again, and mend the store: the old refresh token is used up, and the new one is lost."},
	watch.StoreUnusable:       {watch.Unknown, "Let Lapsewatch write to the store of the refresh token; until then it asks for no new one, because the old one would be used up."},

	watch.SignatureInvalid:    {watch.Critical, "Issue the token again: services that verify it refuse it."},
	watch.SignatureUnchecked:  {watch.Notice, "Look at the message: the dates of the token were read, its signature was not verified."},
	watch.KeyVanished:         {watch.Critical, "Publish the key until its last token has expired, or issue the token again: services that verify it refuse it."},
	watch.PrivateKeyPublished: {watch.Critical, "Replace the key at once, and publish only the public part of the new one; whoever read this one can sign tokens."},
	watch.KeyMismatch:         {watch.Warning, "Publish the certificate of this very key, or none (RFC 7517, 4.7 to 4.9)."},
	watch.UnsignedToken:       {watch.Warning, "Let its issuer sign it: anybody can write such a token."},
	watch.ClaimsMalformed:     {watch.Warning, "Let its issuer write exp, nbf and iat as numbers of seconds since 1970 (RFC 7519, section 2)."},
	watch.ClaimsUnexpected:    {watch.Warning, "Check that it is the token that was meant, or correct what the check expects."},
	watch.IssuerMismatch:      {watch.Warning, "Give the issuer as its own discovery document spells it, or correct that document: clients refuse it (OpenID Connect Discovery, 4.3)."},
	watch.IssuerChanged:       {watch.Warning, "Check that the change was meant, and that whoever keeps a copy of it follows."},
	watch.DomainSuspended:     {watch.Critical, "Ask the registrar at once: names below this domain do not work, or will soon be anybody's."},

	watch.UpstreamDegraded:    {watch.Warning, "Follow the provider's own page; nothing here can mend it."},
	watch.UpstreamDown:        {watch.Critical, "Follow the provider's own page; point what can be pointed elsewhere to another provider or region."},
	watch.UpstreamMaintenance: {watch.Notice, "Nothing to do: the provider announced it."},
	watch.ResponseSlow:        {watch.Warning, "Look at the service and at what it waits for; its peers, if any, stand beside it in the report."},
	watch.ResponseTimedOut:    {watch.Critical, "Look at the service: whoever calls it waits in vain; point them to another member of its group, if there is one."},
	watch.ResponseFailed:      {watch.Critical, "Look at the service and its log: whoever calls it gets the same."},
	watch.DivergentMember:     {watch.Warning, "Compare this member with its peers: load, network, and what changed there last."},
	watch.MailSlow:            {watch.Warning, "Look at the queues between submission and mailbox; the Received headers in the details say where it waited."},
	watch.MailStuck:           {watch.Critical, "Look at the queue of the server that took the mail: others wait there too."},
	watch.MailLost:            {watch.Critical, "Search the logs of the server that took the mail for its Message-ID, and the junk folder."},
	watch.MailRefused:         {watch.Critical, "Look at the refusal in the message: services that send mail this way get the same."},
	watch.NumberingLost:       {watch.Critical, "Restore the column's automatic numbering before anything is to be stored: a row without a number is refused."},
	watch.NumberingChanged:    {watch.Warning, "Check that the change was meant; then accept it as the new baseline."},
	watch.NumbersUsedUp:       {watch.Critical, "Give the column a larger type or the sequence a larger range, and set its next number above the largest that is used."},

	watch.StatusSystemFailing: {watch.Critical, "Run `lapsewatch incidents list`, mend the access to the status system, and until then write there by hand."},
	watch.DeliveryFailing:     {watch.Critical, "Run `lapsewatch alerts list`, mend the channel, and try it with `lapsewatch alerts test CHANNEL`."},
	watch.RunOverdue:          {watch.Warning, "Look at the log of the run that did not end, at the deadline (limits.deadline) and at the schedule."},
	watch.RecordUnusable:      {watch.Critical, "See \"When the ledger cannot be used\" in docs/operations.md; acknowledge again what was acknowledged, and mend what the message names."},

	watch.ClockDrift:          {watch.Warning, "Look at the host's time synchronisation (chronyc tracking, timedatectl)."},
	watch.ClockJump:           {watch.Critical, "Find out what set the clock, and look for records that were written meanwhile (a check of kind records)."},
	watch.NoMajority:          {watch.Unknown, "Give at least four independent references (RFC 8633), and look at those that disagree or do not answer."},
	watch.NoReference:         {watch.Unknown, "Name the clocks to believe, four or more that do not depend on each other: clock.references in the configuration, or --reference ntp://HOST."},
	watch.SelfReported:        {watch.Notice, "Read the host by NTP too, or let it follow one of the references."},
	watch.ClockUncertain:      {watch.Unknown, "Read the clock in a more exact way, from nearer by, or give it a wider limit."},
	watch.ClockUnsynchronised: {watch.Warning, "Let the host synchronise: its clock runs free (chronyc sources, timedatectl)."},
	watch.FleetDisagrees:      {watch.Critical, "Look at the server that these hosts synchronise with, and at the references: one of the two is wrong."},
	watch.Falseticker:         {watch.Warning, "Take it out of the references, and mend it if it is yours."},
	watch.ReferenceUnusable:   {watch.Notice, "Mend it or replace it: of four references that answer, one may fail or lie (RFC 8633)."},
	watch.LeapSecond:          {watch.Notice, "Nothing is wrong: a difference of up to a second is expected around that midnight (UTC)."},
	watch.LeapSmear:           {watch.Notice, "Use only references that treat leap seconds alike (RFC 8633, 3.7)."},
	watch.KissOfDeath:         {watch.Unknown, "Ask whoever runs the server to let this machine in; then give the target another name, so that it is asked again."},

	watch.FutureRecords: {watch.Warning, "Find out which host wrote them and whether its clock is right now; then correct the rows. Nothing was changed."},

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
	watch.Throttled:         {watch.Unknown, "The next run tries again; if it stays so, look for what else asks the service as the same application."},
	watch.Incomplete:        {watch.Unknown, "The next run lists again; until then nothing counts as removed."},
	watch.InternalError:     {watch.Unknown, "This is a fault of Lapsewatch: please report it with the message."},
}
