package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"lapsewatch/internal/cafile"
)

// bareDate is what the bare client prints of a secret.
type bareDate struct {
	KeyID string    `json:"keyId"`
	End   time.Time `json:"endDateTime"`
}

// bareGraphRole is the least that could list a tenant's secrets: one token, the pages of
// applications one after another, encoding/json, and the dates. It retries nothing.
func bareGraphRole(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("bare-graph: want URL TENANT CAFILE")
	}
	pool, err := cafile.Pool(args[2])
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	token, err := bareToken(ctx, client, args[0], args[1])
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	printed := json.NewEncoder(out)
	next := args[0] + "/v1.0/applications?$top=999&$select=id,appId,displayName,passwordCredentials"
	for next != "" {
		var page struct {
			Value []struct {
				PasswordCredentials []bareDate `json:"passwordCredentials"`
			} `json:"value"`
			Next string `json:"@odata.nextLink"`
		}
		if err := bareGet(ctx, client, next, token, &page); err != nil {
			return err
		}
		for _, application := range page.Value {
			for _, secret := range application.PasswordCredentials {
				if err := printed.Encode(secret); err != nil {
					return err
				}
			}
		}
		next = page.Next
	}
	return out.Flush()
}

func bareToken(ctx context.Context, client *http.Client, base, tenant string) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {tenantClient}, "client_secret": {tenantSecret}, "scope": {base + "/.default"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/"+tenant+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := bareDo(client, request, &answer); err != nil {
		return "", fmt.Errorf("get a token: %w", err)
	}
	return answer.AccessToken, nil
}

func bareGet(ctx context.Context, client *http.Client, address, token string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	return bareDo(client, request, into)
}

func bareDo(client *http.Client, request *http.Request, into any) error {
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", request.URL.Path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}
