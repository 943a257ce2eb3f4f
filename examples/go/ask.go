// Asks Hearback: ask MESSAGE KEY=VALUE, with HEARBACK_URL and HEARBACK_TOKEN.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

type event struct {
	ID        string
	Type      string
	Recipient string
	Failure   struct{ Reason string }
}

type page struct {
	Data       []event
	NextCursor *string `json:"next_cursor"`
}

type message struct {
	ID          string
	Status      string
	Explanation []struct {
		Type    string
		Decided bool
	}
}

var client = http.Client{Timeout: 30 * time.Second}

// ask reads the answer to a question, or returns what Hearback says is wrong with it.
func ask(path string, query url.Values, answer any) error {
	request, err := http.NewRequest("GET", os.Getenv("HEARBACK_URL")+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("HEARBACK_TOKEN"))
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var problem struct{ Detail string }
		if err := json.NewDecoder(response.Body).Decode(&problem); err != nil {
			return err
		}
		return fmt.Errorf("%d %s", response.StatusCode, problem.Detail)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// timeline calls each with every event of a label, page by page.
func timeline(key, value string, each func(event)) error {
	query := url.Values{"limit": {"3"}}
	for {
		var page page
		if err := ask("/v1/timelines/"+url.PathEscape(key)+"/"+url.PathEscape(value), query, &page); err != nil {
			return err
		}
		for _, event := range page.Data {
			each(event)
		}
		if page.NextCursor == nil {
			return nil
		}
		query.Set("cursor", *page.NextCursor)
	}
}

func run(messageID, label string) error {
	var bounced page
	if err := ask("/v1/events", url.Values{"type": {"bounced"}, "limit": {"5"}}, &bounced); err != nil {
		return err
	}
	for _, event := range bounced.Data {
		fmt.Println("event", event.ID, event.Type, event.Recipient, event.Failure.Reason)
	}

	var message message
	if err := ask("/v1/messages/"+url.PathEscape(messageID), nil, &message); err != nil {
		return err
	}
	for _, why := range message.Explanation {
		if why.Decided {
			fmt.Println("message", message.ID, message.Status, "because of", why.Type)
		}
	}

	key, value, _ := strings.Cut(label, "=")
	return timeline(key, value, func(event event) {
		fmt.Println("timeline", label, event.Type, event.Recipient)
	})
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: ask MESSAGE KEY=VALUE")
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}
