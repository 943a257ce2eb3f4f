// Registers a message, waits for its outcome, and asks what is known of it:
// ask PROVIDER_MESSAGE_ID RECIPIENT KEY=VALUE, with HEARBACK_URL and HEARBACK_TOKEN.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

type event struct {
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

var client = http.Client{Timeout: time.Minute}

// ask reads the answer to a question, or returns what Hearback says is wrong with it.
func ask(path string, query url.Values, answer any) error {
	return call("GET", path+"?"+query.Encode(), nil, answer)
}

// tell hands something over, and reads what comes of it.
func tell(path string, what, answer any) error {
	body, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return call("POST", path, bytes.NewReader(body), answer)
}

func call(method, path string, body io.Reader, answer any) error {
	request, err := http.NewRequest(method, os.Getenv("HEARBACK_URL")+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+os.Getenv("HEARBACK_TOKEN"))
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		var problem struct{ Detail string }
		if err := json.NewDecoder(response.Body).Decode(&problem); err != nil {
			return err
		}
		return fmt.Errorf("%d %s", response.StatusCode, problem.Detail)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// outcome waits for the event that says how it ended.
func outcome(messageID string) (event, error) {
	query := url.Values{"message": {messageID}, "type": {"delivered,bounced,rejected,failed"}, "wait": {"30"}}
	for {
		var page page
		if err := ask("/v1/events", query, &page); err != nil {
			return event{}, err
		}
		if len(page.Data) > 0 {
			return page.Data[0], nil
		}
		query.Set("after", *page.NextCursor)
	}
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

func run(providerMessageID, recipient, label string) error {
	key, value, _ := strings.Cut(label, "=")
	var registered struct{ ID string }
	err := tell("/v1/messages", map[string]any{
		"source":                  "mailgun",
		"provider_message_id":     providerMessageID,
		"recipient":               recipient,
		"labels":                  map[string]string{key: value},
		"expect_delivered_within": 900,
	}, &registered)
	if err != nil {
		return err
	}
	fmt.Println("registered", registered.ID)

	end, err := outcome(registered.ID)
	if err != nil {
		return err
	}
	if end.Failure.Reason == "" {
		end.Failure.Reason = "-"
	}
	fmt.Println("outcome", end.Type, end.Recipient, end.Failure.Reason)

	var message message
	if err := ask("/v1/messages/"+registered.ID, nil, &message); err != nil {
		return err
	}
	for _, why := range message.Explanation {
		if why.Decided {
			fmt.Println("message", message.ID, message.Status, "because of", why.Type)
		}
	}

	return timeline(key, value, func(event event) {
		fmt.Println("timeline", label, event.Type, event.Recipient)
	})
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: ask PROVIDER_MESSAGE_ID RECIPIENT KEY=VALUE")
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}
