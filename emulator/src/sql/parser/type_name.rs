//! Data types as they are written.

use super::Parser;
use crate::sql::error::{Result, SqlError};
use crate::sql::lexer::Token;
use crate::values::{Length, SqlType, decimal};

impl Parser<'_> {
    /// A data type.
    pub(super) fn data_type(&mut self) -> Result<SqlType> {
        let mut name = self.type_word()?;
        if self.accept(".")? {
            name = self.type_word()?;
        }
        let upper = name.to_ascii_uppercase();
        let sized = self.accept("(")?;
        let sql_type = if sized { self.sized_type(&upper)? } else { self.plain_type(&upper)? };
        if sized {
            self.expect(")")?;
        }
        Ok(sql_type)
    }

    fn type_word(&mut self) -> Result<String> {
        match &self.token {
            Token::Word(word)
                if word.eq_ignore_ascii_case("national") || word.eq_ignore_ascii_case("double") =>
            {
                Err(self.unsupported())
            }
            _ => self.name(),
        }
    }

    fn plain_type(&self, name: &str) -> Result<SqlType> {
        Ok(match name {
            "BIT" => SqlType::Bit,
            "TINYINT" => SqlType::TinyInt,
            "SMALLINT" => SqlType::SmallInt,
            "INT" | "INTEGER" => SqlType::Int,
            "BIGINT" => SqlType::BigInt,
            "REAL" => SqlType::Real,
            "FLOAT" => SqlType::Float,
            "DECIMAL" | "NUMERIC" | "DEC" => SqlType::Decimal { precision: 18, scale: 0 },
            "MONEY" => SqlType::Money,
            "SMALLMONEY" => SqlType::SmallMoney,
            "CHAR" | "CHARACTER" => SqlType::Char(1),
            "VARCHAR" => SqlType::VarChar(Length::Limited(1)),
            "NCHAR" => SqlType::NChar(1),
            "NVARCHAR" => SqlType::NVarChar(Length::Limited(1)),
            "SYSNAME" => SqlType::SYSNAME,
            "BINARY" => SqlType::Binary(1),
            "VARBINARY" => SqlType::VarBinary(Length::Limited(1)),
            "UNIQUEIDENTIFIER" => SqlType::UniqueIdentifier,
            "DATE" => SqlType::Date,
            "TIME" => SqlType::Time(7),
            "DATETIME" => SqlType::DateTime,
            "SMALLDATETIME" => SqlType::SmallDateTime,
            "DATETIME2" => SqlType::DateTime2(7),
            "DATETIMEOFFSET" => SqlType::DateTimeOffset(7),
            _ => return Err(self.unknown_type(name)),
        })
    }

    fn unknown_type(&self, name: &str) -> SqlError {
        const KNOWN_ELSEWHERE: [&str; 10] = [
            "XML",
            "SQL_VARIANT",
            "GEOMETRY",
            "GEOGRAPHY",
            "HIERARCHYID",
            "JSON",
            "VECTOR",
            "ROWVERSION",
            "TIMESTAMP",
            "NTEXT",
        ];
        let error = if KNOWN_ELSEWHERE.contains(&name) {
            SqlError::unsupported(name)
        } else {
            // Documented text of 2715 without its position.
            SqlError::new(2715, format!("Cannot find data type {}.", name.to_ascii_lowercase()))
                .state(6)
        };
        error.at_line(self.line)
    }

    fn sized_type(&mut self, name: &str) -> Result<SqlType> {
        if self.accept_word("MAX")? {
            return match name {
                "VARCHAR" => Ok(SqlType::VarChar(Length::Max)),
                "NVARCHAR" => Ok(SqlType::NVarChar(Length::Max)),
                "VARBINARY" => Ok(SqlType::VarBinary(Length::Max)),
                _ => Err(self.unexpected()),
            };
        }
        let size = u16::try_from(self.integer()?).map_err(|_| self.unexpected())?;
        let small = u8::try_from(size).unwrap_or(u8::MAX);
        let limited = |limit: u16| -> Result<u16> {
            // Documented: error 131.
            let message = format!(
                "The size ({size}) given to the type '{name}' exceeds the maximum allowed ({limit})."
            );
            if (1..=limit).contains(&size) {
                Ok(size)
            } else {
                Err(SqlError::new(131, message).class(15))
            }
        };
        Ok(match name {
            "CHAR" | "CHARACTER" => SqlType::Char(limited(8000)?),
            "VARCHAR" => SqlType::VarChar(Length::Limited(limited(8000)?)),
            "NCHAR" => SqlType::NChar(limited(4000)?),
            "NVARCHAR" => SqlType::NVarChar(Length::Limited(limited(4000)?)),
            "BINARY" => SqlType::Binary(limited(8000)?),
            "VARBINARY" => SqlType::VarBinary(Length::Limited(limited(8000)?)),
            // Documented: 1 to 24 bits of mantissa are a real.
            "FLOAT" if (1..=24).contains(&size) => SqlType::Real,
            "FLOAT" if size <= 53 => SqlType::Float,
            "TIME" if small <= 7 => SqlType::Time(small),
            "DATETIME2" if small <= 7 => SqlType::DateTime2(small),
            "DATETIMEOFFSET" if small <= 7 => SqlType::DateTimeOffset(small),
            "DECIMAL" | "NUMERIC" | "DEC" => {
                let scale = if self.accept(",")? { self.integer()? } else { 0 };
                let scale = u8::try_from(scale).map_err(|_| self.unexpected())?;
                if small == 0 || small > decimal::DIGITS_MAX || scale > small {
                    return Err(self.unexpected());
                }
                SqlType::Decimal { precision: small, scale }
            }
            _ => return Err(self.unknown_type(name)),
        })
    }
}
