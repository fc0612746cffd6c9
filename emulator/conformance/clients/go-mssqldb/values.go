package main

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/golang-sql/civil"
	mssql "github.com/microsoft/go-mssqldb"
	"github.com/shopspring/decimal"
)

// cell is the text of a value as the checks write it.
func cell(value any, kind string) *string {
	if value == nil {
		return nil
	}
	text := ""
	switch value := value.(type) {
	case []byte:
		switch kind {
		case "decimal", "money", "smallmoney":
			text = string(value)
		case "uniqueidentifier":
			var id mssql.UniqueIdentifier
			if err := id.Scan(value); err != nil {
				text = err.Error()
			} else {
				text = id.String()
			}
		default:
			if len(value) > cellBytesMax {
				text = digest(value)
			} else {
				text = "0x" + strings.ToUpper(hex.EncodeToString(value))
			}
			return &text
		}
	case time.Time:
		text = moment(value, kind)
	case float64:
		text = strconv.FormatFloat(value, 'g', -1, 64)
	default:
		text = fmt.Sprint(value)
	}
	if len(text) > cellBytesMax {
		text = digest([]byte(text))
	}
	return &text
}

func moment(value time.Time, kind string) string {
	switch kind {
	case "date":
		return value.Format("2006-01-02")
	case "time":
		return value.Format("15:04:05.0000000")
	case "datetimeoffset":
		return value.Format("2006-01-02 15:04:05.0000000 -07:00")
	default:
		return value.Format("2006-01-02 15:04:05.0000000")
	}
}

func parameters(declared [][2]string, values []*string) ([]any, error) {
	arguments := make([]any, 0, len(declared)+1)
	for at, each := range declared {
		value, err := parameter(strings.SplitN(each[1], "(", 2)[0], each[1], values[at])
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, sql.Named(each[0], value))
	}
	return arguments, nil
}

func parameter(kind, declared string, text *string) (any, error) {
	if text == nil {
		return null(kind), nil
	}
	switch kind {
	case "bit":
		return *text == "true", nil
	case "tinyint":
		value, err := strconv.ParseUint(*text, 10, 8)
		return byte(value), err
	case "smallint":
		value, err := strconv.ParseInt(*text, 10, 16)
		return int16(value), err
	case "int":
		value, err := strconv.ParseInt(*text, 10, 32)
		return int32(value), err
	case "bigint":
		return strconv.ParseInt(*text, 10, 64)
	case "real":
		value, err := strconv.ParseFloat(*text, 32)
		return float32(value), err
	case "float":
		return strconv.ParseFloat(*text, 64)
	case "decimal":
		return decimal.NewFromString(*text)
	case "money", "smallmoney":
		value, err := decimal.NewFromString(*text)
		return mssql.Money[decimal.Decimal]{Decimal: value}, err
	case "binary", "varbinary":
		return hex.DecodeString((*text)[2:])
	case "uniqueidentifier":
		var id mssql.UniqueIdentifier
		return id, id.Scan(*text)
	case "char", "varchar":
		if strings.HasSuffix(declared, "(max)") {
			return mssql.VarCharMax(*text), nil
		}
		return mssql.VarChar(*text), nil
	case "nvarchar":
		if strings.HasSuffix(declared, "(max)") {
			return mssql.NVarCharMax(*text), nil
		}
		return *text, nil
	case "nchar":
		return mssql.NChar(*text), nil
	default:
		return momentParameter(kind, *text)
	}
}

func momentParameter(kind, text string) (any, error) {
	switch kind {
	case "date":
		return civil.ParseDate(text)
	case "time":
		return civil.ParseTime(text)
	case "datetimeoffset":
		value, err := time.Parse("2006-01-02 15:04:05.999999999 -07:00", text)
		return mssql.DateTimeOffset(value), err
	}
	value, err := time.Parse("2006-01-02 15:04:05.999999999", text)
	if kind == "datetime2" {
		return civil.DateTimeOf(value), err
	}
	return mssql.DateTime1(value), err
}

// null has a type of its own wherever the driver has one.
func null(kind string) any {
	switch kind {
	case "bit":
		return sql.NullBool{}
	case "tinyint":
		return sql.NullByte{}
	case "smallint":
		return sql.NullInt16{}
	case "int":
		return sql.NullInt32{}
	case "bigint":
		return sql.NullInt64{}
	case "real", "float":
		return sql.NullFloat64{}
	case "decimal":
		return decimal.NullDecimal{}
	case "money", "smallmoney":
		return mssql.Money[decimal.NullDecimal]{}
	case "uniqueidentifier": // a mssql.NullUniqueIdentifier is sent without its length
		return nil
	case "date":
		return mssql.NullDate{}
	case "time":
		return mssql.NullTime{}
	case "datetime2":
		return mssql.NullDateTime{}
	case "datetime", "smalldatetime", "datetimeoffset":
		return sql.NullTime{}
	case "binary", "varbinary":
		return []byte(nil)
	default:
		return sql.NullString{}
	}
}
