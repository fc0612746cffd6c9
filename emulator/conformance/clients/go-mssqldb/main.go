// Runs the checks through go-mssqldb: reads the run from standard input, writes what it observed, a line for each check.
package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/golang-sql/sqlexp"
	mssql "github.com/microsoft/go-mssqldb"
)

const cellBytesMax = 1000

var isolation = map[string]sql.IsolationLevel{
	"read uncommitted": sql.LevelReadUncommitted,
	"read committed":   sql.LevelReadCommitted,
	"repeatable read":  sql.LevelRepeatableRead,
	"serializable":     sql.LevelSerializable,
	"snapshot":         sql.LevelSnapshot,
}

type run struct {
	Port                                        int
	User, Password, Database, Mode, Certificate string
	Checks                                      []check
}

type check struct {
	Name  string
	Steps []step
}

type step struct {
	On, Do, SQL, Isolation string
	Params                 [][2]string
	Runs                   [][]*string
	Prepare, Background    bool
	TakeRows               *int `json:"take_rows"`
	CancelAfterMs          int  `json:"cancel_after_ms"`
	Options                options
}

type options struct {
	User, Password, Database string
	PacketSize               int    `json:"packet_size"`
	AppName                  string `json:"app_name"`
}

type result struct {
	Columns []string    `json:"columns"`
	Types   []string    `json:"types"`
	Rows    [][]*string `json:"rows"`
}

type serverError struct {
	Number  int32  `json:"number"`
	State   uint8  `json:"state"`
	Class   uint8  `json:"class"`
	Line    int32  `json:"line"`
	Message string `json:"message"`
}

type observation struct {
	Results     []result      `json:"results"`
	Counts      []int64       `json:"counts"`
	Errors      []serverError `json:"errors"`
	Messages    []string      `json:"messages"`
	Cancelled   bool          `json:"cancelled,omitempty"`
	ClientError string        `json:"client_error,omitempty"`
}

// session is one connection, taken out of a pool of its own: the pool is what resets it.
type session struct {
	pool *sql.DB
	conn *sql.Conn
	tx   *sql.Tx
}

type waiting struct {
	done   chan struct{}
	answer *observation
}

type connections struct {
	run     run
	open    map[string]*session
	waiting map[string]waiting
}

func (c *connections) connect(name string, o options) error {
	query := url.Values{}
	query.Set("database", or(o.Database, c.run.Database))
	query.Set("app name", or(o.AppName, "conformance"))
	query.Set("dial timeout", "15")
	if o.PacketSize != 0 {
		query.Set("packet size", strconv.Itoa(o.PacketSize))
	}
	switch c.run.Mode {
	case "encrypted":
		query.Set("encrypt", "true")
		query.Set("certificate", c.run.Certificate)
	case "login":
		query.Set("encrypt", "false")
		query.Set("certificate", c.run.Certificate)
	default:
		query.Set("encrypt", "disable")
	}
	address := url.URL{
		Scheme: "sqlserver", User: url.UserPassword(or(o.User, c.run.User), or(o.Password, c.run.Password)),
		Host: fmt.Sprintf("localhost:%d", c.run.Port), RawQuery: query.Encode(),
	}
	pool, err := sql.Open("sqlserver", address.String())
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(1)
	conn, err := pool.Conn(context.Background())
	if err != nil {
		pool.Close()
		return err
	}
	c.open[name] = &session{pool: pool, conn: conn}
	return nil
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func (c *connections) get(name string) (*session, error) {
	if c.open[name] == nil {
		if err := c.connect(name, options{}); err != nil {
			return nil, err
		}
	}
	return c.open[name], nil
}

func (s *session) close() {
	s.conn.Close()
	s.pool.Close()
}

func (s *session) reset() error {
	if err := s.conn.Close(); err != nil {
		return err
	}
	conn, err := s.pool.Conn(context.Background())
	s.conn = conn
	return err
}

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

func (s *session) queryer() queryer {
	if s.tx != nil {
		return s.tx
	}
	return s.conn
}

func (o *observation) note(err error) {
	if err == nil {
		return
	}
	var server mssql.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		o.Cancelled = true
	case errors.As(err, &server):
		all := server.All
		if len(all) == 0 {
			all = []mssql.Error{server}
		}
		for _, each := range all {
			o.noteServer(each)
		}
	default:
		o.ClientError = err.Error()
	}
}

func (o *observation) noteServer(e mssql.Error) {
	o.Errors = append(o.Errors, serverError{e.Number, e.State, e.Class, e.LineNo, e.Message})
}

// collect reads an answer with its messages, counts and errors in their order.
func (o *observation) collect(ctx context.Context, rows *sql.Rows, messages *sqlexp.ReturnMessage) {
	defer rows.Close()
	inResult := false
	for active := true; active; {
		switch message := messages.Message(ctx).(type) {
		case sqlexp.MsgNotice:
			o.Messages = append(o.Messages, strings.TrimSpace(message.Message.String()))
		case sqlexp.MsgError:
			o.note(message.Error)
		case sqlexp.MsgRowsAffected:
			if !inResult {
				o.Counts = append(o.Counts, message.Count)
			}
		case sqlexp.MsgNext:
			inResult = true
			if err := o.readRows(rows, -1); err != nil {
				o.note(err)
			}
		case sqlexp.MsgNextResultSet:
			inResult = false
			active = rows.NextResultSet()
		}
	}
	var server mssql.Error
	if err := rows.Err(); err != nil && !errors.As(err, &server) {
		o.note(err)
	}
	if ctx.Err() != nil {
		o.Cancelled = true
	}
}

func (o *observation) readRows(rows *sql.Rows, limit int) error {
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	found := result{Rows: [][]*string{}}
	for _, column := range types {
		found.Columns = append(found.Columns, column.Name())
		found.Types = append(found.Types, strings.ToLower(column.DatabaseTypeName()))
	}
	o.Results = append(o.Results, found)
	last := &o.Results[len(o.Results)-1]
	for limit < 0 || len(last.Rows) < limit {
		if !rows.Next() {
			break
		}
		values, targets := make([]any, len(types)), make([]any, len(types))
		for at := range values {
			targets[at] = &values[at]
		}
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		row := make([]*string, len(types))
		for at, value := range values {
			row[at] = cell(value, last.Types[at])
		}
		last.Rows = append(last.Rows, row)
	}
	return nil
}

func (o *observation) execute(s *session, step step) error {
	ctx := context.Background()
	if step.CancelAfterMs > 0 {
		limited, cancel := context.WithTimeout(ctx, time.Duration(step.CancelAfterMs)*time.Millisecond)
		defer cancel()
		ctx = limited
	}
	if step.TakeRows != nil {
		rows, err := s.queryer().QueryContext(ctx, step.SQL)
		if err != nil {
			return err
		}
		defer rows.Close()
		return o.readRows(rows, *step.TakeRows)
	}
	if step.Prepare {
		return o.executePrepared(ctx, s, step)
	}
	arguments := []any{}
	if len(step.Runs) > 0 {
		var err error
		if arguments, err = parameters(step.Params, step.Runs[0]); err != nil {
			return err
		}
	}
	messages := &sqlexp.ReturnMessage{}
	rows, err := s.queryer().QueryContext(ctx, step.SQL, append(arguments, messages)...)
	if err != nil {
		return err
	}
	o.collect(ctx, rows, messages)
	return nil
}

func (o *observation) executePrepared(ctx context.Context, s *session, step step) error {
	statement, err := s.queryer().PrepareContext(ctx, step.SQL)
	if err != nil {
		return err
	}
	defer statement.Close()
	for _, values := range step.Runs {
		arguments, err := parameters(step.Params, values)
		if err != nil {
			return err
		}
		messages := &sqlexp.ReturnMessage{}
		rows, err := statement.QueryContext(ctx, append(arguments, messages)...)
		if err != nil {
			o.note(err)
			continue
		}
		o.collect(ctx, rows, messages)
	}
	return nil
}

func (c *connections) step(step step, o *observation) error {
	if step.Do == "connect" {
		return c.connect(step.On, step.Options)
	}
	s, err := c.get(step.On)
	if err != nil {
		return err
	}
	switch step.Do {
	case "close":
		s.close()
		delete(c.open, step.On)
		return nil
	case "reset":
		return s.reset()
	case "begin":
		s.tx, err = s.conn.BeginTx(context.Background(), &sql.TxOptions{Isolation: isolation[step.Isolation]})
		return err
	case "commit":
		tx := s.tx
		s.tx = nil
		return tx.Commit()
	case "rollback":
		tx := s.tx
		s.tx = nil
		return tx.Rollback()
	default:
		return o.execute(s, step)
	}
}

func runCheck(run run, check check) (answers []observation) {
	c := &connections{run: run, open: map[string]*session{}, waiting: map[string]waiting{}}
	defer func() {
		for _, s := range c.open {
			s.close()
		}
	}()
	for _, each := range check.Steps {
		if each.Do == "finish" {
			background := c.waiting[each.On]
			<-background.done
			answers = append(answers, *background.answer)
			continue
		}
		answer := &observation{Results: []result{}, Counts: []int64{}, Errors: []serverError{}, Messages: []string{}}
		if each.Background {
			done := make(chan struct{})
			c.waiting[each.On] = waiting{done, answer}
			if _, err := c.get(each.On); err != nil {
				answer.note(err)
			}
			go func() {
				answer.note(c.step(each, answer))
				close(done)
			}()
			answers = append(answers, observation{})
			continue
		}
		answer.note(c.step(each, answer))
		answers = append(answers, *answer)
		if answer.ClientError != "" {
			break
		}
	}
	return answers
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return fmt.Sprintf("sha256:%s:%d", hex.EncodeToString(sum[:]), len(data))
}

func main() {
	var run run
	if err := json.NewDecoder(os.Stdin).Decode(&run); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	out := json.NewEncoder(os.Stdout)
	for _, check := range run.Checks {
		_ = out.Encode(map[string]any{"check": check.Name, "steps": runCheck(run, check)})
	}
}
