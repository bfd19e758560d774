// A client whose transport knows no proxy and no HTTP/1.1, as that of Kraken's own Go library: http2.Transport by itself.
package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
)

func main() {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	for range 2 {
		answer, err := client.Post(os.Args[1], "application/x-www-form-urlencoded", strings.NewReader("nonce=1"))
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		answer.Body.Close()
		fmt.Println(answer.Proto, answer.StatusCode, answer.Header.Get("X-Weir-Decision"))
	}
}
