package msgraph

import (
	"context"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// Identity is who Lapsewatch is signed in as.
type Identity struct {
	// ClientID and TenantID are those of the token, which speaks for itself, or of the
	// options if it cannot be read.
	ClientID, TenantID string
	// ObjectID is that of the service principal in the tenant; empty if the token does
	// not say.
	ObjectID string
	Method   Method
	// Permissions are those of Microsoft Graph that the token carries; nil if it cannot
	// be read. Entra may keep giving old ones for an hour after a change.
	Permissions []string
}

// Authenticate signs in, unless a valid token is there already. The error is a *Failure or
// wraps that of ctx.
func (c *Client) Authenticate(ctx context.Context) (Identity, error) {
	token, err := c.gate.take(ctx, "")
	if err != nil {
		return Identity{}, err
	}
	identity := Identity{ClientID: c.options.ClientID, TenantID: c.options.Tenant, Method: c.options.method()}
	identity.complete(token)
	return identity, nil
}

// claims of Entra's access tokens, of version 1 and 2.
type claims struct {
	jwt.RegisteredClaims
	AppID    string   `json:"appid"`
	Client   string   `json:"azp"`
	TenantID string   `json:"tid"`
	ObjectID string   `json:"oid"`
	Roles    []string `json:"roles"`
	Scopes   string   `json:"scp"`
}

// complete reads the token without verifying it: it is not ours to verify, and nothing is
// granted on what it says.
func (i *Identity) complete(token string) {
	var said claims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &said); err != nil {
		return
	}
	for _, id := range []struct {
		into  *string
		value string
	}{{&i.ClientID, said.Client}, {&i.ClientID, said.AppID}, {&i.TenantID, said.TenantID}, {&i.ObjectID, said.ObjectID}} {
		if guid.MatchString(id.value) {
			*id.into = id.value
		}
	}
	i.Permissions = []string{}
	for _, name := range append(said.Roles, strings.Fields(said.Scopes)...) {
		if id := requestID(name); id != "" {
			i.Permissions = append(i.Permissions, id)
		}
	}
}
