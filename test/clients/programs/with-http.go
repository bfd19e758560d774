// A bot that uses Go's HTTP client: the default one, or with `bare` as argument one whose transport knows no proxy. Told
// what to call in its environment; prints what it saw.
package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	client := http.DefaultClient
	if len(os.Args) > 1 && os.Args[1] == "bare" {
		client = &http.Client{Transport: &http.Transport{}}
	}
	ask := func(method, url, body string, headers map[string]string) (*http.Response, json.RawMessage) {
		req, err := http.NewRequest(method, url, strings.NewReader(body))
		check(err)
		for name, value := range headers {
			req.Header.Set(name, value)
		}
		res, err := client.Do(req)
		check(err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		check(err)
		return res, text
	}
	answer := func(res *http.Response, text json.RawMessage) map[string]any {
		return map[string]any{"status": res.StatusCode, "decision": res.Header.Get("X-Weir-Decision"), "body": text}
	}
	seen := map[string]any{}
	seen["good"] = answer(ask("GET", os.Getenv("GOOD"), "", nil))
	seen["signed"] = answer(ask("POST", os.Getenv("SIGNED"), os.Getenv("BODY"), map[string]string{
		"API-Key":      os.Getenv("API_KEY"),
		"API-Sign":     os.Getenv("API_SIGN"),
		"Content-Type": "application/x-www-form-urlencoded",
	}))
	res, _ := ask("GET", os.Getenv("REFUSED"), "", nil)
	seen["refused"] = map[string]any{
		"error":      "",
		"status":     res.StatusCode,
		"code":       res.Header.Get("X-Weir-Error"),
		"retryAfter": res.Header.Get("Retry-After"),
	}
	check(json.NewEncoder(os.Stdout).Encode(seen))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
