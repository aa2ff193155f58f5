package faketenant

import (
	"encoding/json"
	"strconv"
)

// property writes one property of T, by hand: a page of a thousand objects costs the server
// less than it costs the client under measurement to read.
type property[T any] struct {
	name  string
	value func([]byte, *T) []byte
}

func text[T any](name string, of func(*T) string) property[T] {
	return property[T]{name, func(b []byte, v *T) []byte { return appendText(b, of(v)) }}
}

func texts[T any](name string, of func(*T) []string) property[T] {
	return property[T]{name, func(b []byte, v *T) []byte { return appendList(b, of(v), appendString) }}
}

func list[T, E any](name string, of func(*T) []E, properties []property[E]) property[T] {
	return property[T]{name, func(b []byte, v *T) []byte {
		elements := of(v)
		b = append(b, '[')
		for i := range elements {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendObject(b, "", &elements[i], properties)
		}
		return append(b, ']')
	}}
}

var passwordProperties = []property[PasswordCredential]{
	text("customKeyIdentifier", func(c *PasswordCredential) string { return c.CustomKeyIdentifier }),
	text("displayName", func(c *PasswordCredential) string { return c.DisplayName }),
	text("endDateTime", func(c *PasswordCredential) string { return string(c.EndDateTime) }),
	text("hint", func(c *PasswordCredential) string { return c.Hint }),
	text("keyId", func(c *PasswordCredential) string { return c.KeyID }),
	text("secretText", func(*PasswordCredential) string { return "" }),
	text("startDateTime", func(c *PasswordCredential) string { return string(c.StartDateTime) }),
}

var keyProperties = []property[KeyCredential]{
	text("customKeyIdentifier", func(c *KeyCredential) string { return c.CustomKeyIdentifier }),
	text("displayName", func(c *KeyCredential) string { return c.DisplayName }),
	text("endDateTime", func(c *KeyCredential) string { return string(c.EndDateTime) }),
	text("key", func(*KeyCredential) string { return "" }),
	text("keyId", func(c *KeyCredential) string { return c.KeyID }),
	text("startDateTime", func(c *KeyCredential) string { return string(c.StartDateTime) }),
	text("type", func(c *KeyCredential) string { return c.Type }),
	text("usage", func(c *KeyCredential) string { return c.Usage }),
}

var federatedProperties = []property[FederatedIdentityCredential]{
	text("id", func(c *FederatedIdentityCredential) string { return c.ID }),
	text("name", func(c *FederatedIdentityCredential) string { return c.Name }),
	text("issuer", func(c *FederatedIdentityCredential) string { return c.Issuer }),
	text("subject", func(c *FederatedIdentityCredential) string { return c.Subject }),
	text("description", func(*FederatedIdentityCredential) string { return "" }),
	texts("audiences", func(c *FederatedIdentityCredential) []string { return c.Audiences }),
}

var applicationProperties = []property[Application]{
	text("id", func(a *Application) string { return a.ID }),
	text("appId", func(a *Application) string { return a.AppID }),
	text("displayName", func(a *Application) string { return a.DisplayName }),
	text("createdDateTime", func(a *Application) string { return string(a.CreatedDateTime) }),
	text("disabledByMicrosoftStatus", func(a *Application) string { return a.DisabledByMicrosoftStatus }),
	{"isDisabled", func(b []byte, a *Application) []byte {
		if !a.Disabled {
			return append(b, "null"...) // as Graph writes it where nobody disabled it
		}
		return append(b, "true"...)
	}},
	text("notes", func(a *Application) string { return a.Notes }),
	text("serviceManagementReference", func(a *Application) string { return a.ServiceManagementReference }),
	text("signInAudience", func(a *Application) string { return a.SignInAudience }),
	texts("tags", func(a *Application) []string { return a.Tags }),
	list("keyCredentials", func(a *Application) []KeyCredential { return a.KeyCredentials }, keyProperties),
	list("passwordCredentials", func(a *Application) []PasswordCredential { return a.PasswordCredentials }, passwordProperties),
}

var servicePrincipalProperties = []property[ServicePrincipal]{
	text("id", func(p *ServicePrincipal) string { return p.ID }),
	text("appId", func(p *ServicePrincipal) string { return p.AppID }),
	text("displayName", func(p *ServicePrincipal) string { return p.DisplayName }),
	text("appDisplayName", func(p *ServicePrincipal) string { return p.DisplayName }),
	{"accountEnabled", func(b []byte, p *ServicePrincipal) []byte { return strconv.AppendBool(b, !p.AccountDisabled) }},
	text("appOwnerOrganizationId", func(p *ServicePrincipal) string { return p.AppOwnerOrganizationID }),
	text("servicePrincipalType", typeOf),
	text("preferredSingleSignOnMode", func(p *ServicePrincipal) string { return p.PreferredSingleSignOnMode }),
	text("preferredTokenSigningKeyThumbprint", func(p *ServicePrincipal) string { return p.PreferredTokenSigningKeyThumbprint }),
	texts("notificationEmailAddresses", func(p *ServicePrincipal) []string { return p.NotificationEmailAddresses }),
	text("notes", func(p *ServicePrincipal) string { return p.Notes }),
	texts("tags", func(p *ServicePrincipal) []string { return p.Tags }),
	texts("alternativeNames", func(p *ServicePrincipal) []string { return p.AlternativeNames }),
	list("keyCredentials", func(p *ServicePrincipal) []KeyCredential { return p.KeyCredentials }, keyProperties),
	list("passwordCredentials", func(p *ServicePrincipal) []PasswordCredential { return p.PasswordCredentials }, passwordProperties),
}

func typeOf(p *ServicePrincipal) string {
	if p.ServicePrincipalType == "" {
		return "Application"
	}
	return p.ServicePrincipalType
}

var userProperties = []property[User]{
	text("id", func(u *User) string { return u.ID }),
	text("displayName", func(u *User) string { return u.DisplayName }),
	text("userPrincipalName", func(u *User) string { return u.UserPrincipalName }),
	text("mail", func(u *User) string { return u.Mail }),
	texts("otherMails", func(u *User) []string { return u.OtherMails }),
}

// appendObject writes an object, its @odata.type first where it has one.
func appendObject[T any](b []byte, odataType string, v *T, properties []property[T]) []byte {
	b = append(b, '{')
	if odataType != "" {
		b = appendString(append(b, `"@odata.type":`...), odataType)
	}
	for _, property := range properties {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), property.name...), '"', ':')
		b = property.value(b, v)
	}
	return append(b, '}')
}

func appendList[E any](b []byte, elements []E, one func([]byte, E) []byte) []byte {
	b = append(b, '[')
	for i, element := range elements {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, element)
	}
	return append(b, ']')
}

// appendText writes a string, and null for an empty one, as Graph does.
func appendText(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return appendString(b, s)
}

func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			encoded, _ := json.Marshal(s) // a string always encodes
			return append(b, encoded...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
