// Runs the checks through tedious: reads the run from standard input, writes what it observed, a line for each check.
'use strict';

const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { Connection, ISOLATION_LEVEL, Request, TYPES } = require('tedious');

const TYPE_OF = {
  bit: TYPES.Bit, tinyint: TYPES.TinyInt, smallint: TYPES.SmallInt, int: TYPES.Int, bigint: TYPES.BigInt,
  real: TYPES.Real, float: TYPES.Float, decimal: TYPES.Decimal, money: TYPES.Money, smallmoney: TYPES.SmallMoney,
  char: TYPES.Char, varchar: TYPES.VarChar, nchar: TYPES.NChar, nvarchar: TYPES.NVarChar,
  binary: TYPES.Binary, varbinary: TYPES.VarBinary, uniqueidentifier: TYPES.UniqueIdentifier,
  date: TYPES.Date, time: TYPES.Time, datetime: TYPES.DateTime, smalldatetime: TYPES.SmallDateTime,
  datetime2: TYPES.DateTime2, datetimeoffset: TYPES.DateTimeOffset,
};
const SIZED = {
  IntN: { 1: 'tinyint', 2: 'smallint', 4: 'int', 8: 'bigint' }, FloatN: { 4: 'real', 8: 'float' },
  MoneyN: { 4: 'smallmoney', 8: 'money' }, DateTimeN: { 4: 'smalldatetime', 8: 'datetime' },
};
const CELL_BYTES_MAX = 1000;

const digest = (data) => `sha256:${createHash('sha256').update(data).digest('hex')}:${data.length}`;

function typeName(column) {
  const name = column.type.name;
  if (SIZED[name]) return SIZED[name][column.dataLength];
  return name.replace(/N$/, '').replace('Numeric', 'Decimal').toLowerCase();
}

function cell({ value, metadata }) {
  if (value === null) return null;
  if (Buffer.isBuffer(value)) {
    return value.length > CELL_BYTES_MAX ? digest(value) : `0x${value.toString('hex').toUpperCase()}`;
  }
  const text = scalar(value, metadata);
  const encoded = Buffer.from(text, 'utf8');
  return encoded.length > CELL_BYTES_MAX ? digest(encoded) : text;
}

function scalar(value, metadata) {
  const type = typeName(metadata);
  if (value instanceof Date) return moment(value, type);
  if (type === 'decimal') return value.toFixed(metadata.scale);
  if (type === 'money' || type === 'smallmoney') return value.toFixed(4);
  return String(value);
}

/** A Date holds milliseconds; tedious adds what is finer as a fraction of a second. */
function moment(value, type) {
  const [date, time] = value.toISOString().slice(0, -1).split('T');
  const finer = Math.round((value.nanosecondsDelta ?? 0) * 1e7).toString().padStart(4, '0');
  switch (type) {
    case 'date': return date;
    case 'time': return time + finer;
    case 'datetimeoffset': return `${date} ${time}${finer} +00:00`;
    default: return `${date} ${time}${finer}`;
  }
}

function parameter(declared, text) {
  const [, kind, sizes] = /^(\w+)(?:\((.*)\))?$/.exec(declared);
  const numbers = (sizes ?? '').split(',').map((size) => (size.trim() === 'max' ? Infinity : Number(size)));
  const options = {};
  if (kind === 'decimal') [options.precision, options.scale] = numbers;
  else if (/time/.test(kind) && sizes) [options.scale] = numbers;
  else if (sizes) [options.length] = numbers;
  return { type: TYPE_OF[kind], options, value: text === null ? null : parse(kind, text) };
}

function parse(kind, text) {
  if (kind === 'bit') return text === 'true';
  if (['tinyint', 'smallint', 'int', 'real', 'float', 'decimal', 'money', 'smallmoney'].includes(kind)) return Number(text);
  if (kind === 'binary' || kind === 'varbinary') return Buffer.from(text.slice(2), 'hex');
  if (/^(date|time|smalldatetime)/.test(kind)) return parseMoment(text);
  return text;
}

function parseMoment(text) {
  const [, date, clock, fraction, zone] = /^(\d+-\d+-\d+)? ?([\d:]+)?(?:\.(\d+))?(?: ([+-][\d:]+))?$/.exec(text);
  const digits = (fraction ?? '').padEnd(7, '0');
  const value = new Date(`${date ?? '1970-01-01'}T${clock ?? '00:00:00'}.${digits.slice(0, 3)}${zone ?? 'Z'}`);
  value.nanosecondDelta = Number(digits.slice(3)) / 1e7;
  return value;
}

/** What one step answers. */
class Observation {
  constructor() {
    this.data = { results: [], counts: [], errors: [], messages: [] };
    this.inResult = false;
  }

  listen(connection) {
    connection.observation = this;
  }

  error({ number, state, class: severity, lineNumber, message }) {
    this.data.errors.push({ number, state, class: severity, line: lineNumber, message });
  }

  attach(request, takeRows) {
    request.on('columnMetadata', (columns) => {
      this.inResult = true;
      const types = columns.map(typeName);
      this.data.results.push({ columns: columns.map((column) => column.colName), types, rows: [] });
    });
    request.on('row', (row) => {
      const { rows } = this.data.results.at(-1);
      if (takeRows !== undefined && rows.length >= takeRows) return;
      rows.push(row.map(cell));
      if (rows.length === takeRows) request.cancel();
    });
    for (const event of ['done', 'doneInProc', 'doneProc']) {
      request.on(event, (rowCount) => {
        if (!this.inResult && rowCount !== undefined) this.data.counts.push(rowCount);
        this.inResult = false;
      });
    }
  }

  /** The end of a request: server errors were noted as they came. */
  finish(error, takeRows) {
    if (!error || error.number !== undefined || error instanceof AggregateError) return;
    if (error.code === 'ECANCEL') {
      if (takeRows === undefined) this.data.cancelled = true;
    } else {
      this.data.client_error = `${error.code ?? error.name}: ${error.message}`;
    }
  }
}

class Connections {
  constructor(run) {
    this.run = run;
    this.open = new Map();
    this.waiting = new Map();
  }

  connect(name, options, observation) {
    const { run } = this;
    const encrypted = run.mode === 'encrypted';
    const connection = new Connection({
      server: 'localhost',
      authentication: {
        type: 'default',
        options: { userName: options.user ?? run.user, password: options.password ?? run.password },
      },
      options: {
        port: run.port, database: options.database ?? run.database, appName: options.app_name ?? 'conformance',
        packetSize: options.packet_size ?? 4096, connectTimeout: 15000, requestTimeout: 60000, encrypt: encrypted,
        cryptoCredentialsDetails: encrypted ? { ca: readFileSync(run.certificate) } : undefined,
      },
    });
    connection.on('errorMessage', (token) => connection.observation?.error(token));
    connection.on('infoMessage', (token) => connection.observation?.data.messages.push(token.message));
    connection.on('error', () => {});
    connection.observation = observation;
    return new Promise((resolve, reject) => {
      connection.connect((error) => {
        connection.observation = undefined;
        if (!error) this.open.set(name, connection);
        if (error && observation?.data.errors.length) resolve();
        else if (error) reject(error);
        else resolve();
      });
    });
  }

  async get(name) {
    if (!this.open.has(name)) await this.connect(name, {});
    return this.open.get(name);
  }

  close(name) {
    const connection = this.open.get(name);
    this.open.delete(name);
    return new Promise((resolve) => {
      connection.on('end', resolve);
      connection.close();
    });
  }
}

function batch(connection, step, observation) {
  return new Promise((resolve) => {
    const request = new Request(step.sql, (error) => resolve(observation.finish(error, step.take_rows)));
    observation.attach(request, step.take_rows);
    connection.execSqlBatch(request);
    if (step.cancel_after_ms) setTimeout(() => request.cancel(), step.cancel_after_ms);
  });
}

function statement(connection, step, values, observation) {
  return new Promise((resolve) => {
    const request = new Request(step.sql, (error) => resolve(observation.finish(error)));
    step.params.forEach(([name, declared], at) => {
      const { type, options, value } = parameter(declared, values[at]);
      request.addParameter(name, type, value, options);
    });
    observation.attach(request);
    connection.execSql(request);
  });
}

/** Prepared once, executed for each list of values. */
async function prepared(connection, step, observation) {
  let completed;
  const request = new Request(step.sql, (error) => completed(error));
  step.params.forEach(([name, declared]) => {
    const { type, options } = parameter(declared, null);
    request.addParameter(name, type, undefined, options);
  });
  const completion = (start) => new Promise((resolve) => { completed = resolve; start(); });
  const failed = await new Promise((resolve) => {
    request.once('prepared', () => resolve());
    request.once('error', resolve);
    connection.prepare(request);
  });
  observation.finish(failed);
  if (failed) return;
  observation.attach(request);
  for (const values of step.runs) {
    const named = {};
    step.params.forEach(([name, declared], at) => { named[name] = parameter(declared, values[at]).value; });
    observation.finish(await completion(() => connection.execute(request, named)));
  }
  observation.finish(await completion(() => connection.unprepare(request)));
}

const transaction = (start) => new Promise((resolve) => start(resolve));

async function runStep(connections, step, observation) {
  if (step.do === 'connect') return connections.connect(step.on, step.options, observation);
  const connection = await connections.get(step.on);
  observation.listen(connection);
  const finish = (error) => observation.finish(error);
  switch (step.do) {
    case 'close': return connections.close(step.on);
    case 'reset': return finish(await transaction((done) => connection.reset(done)));
    case 'begin': {
      const isolation = ISOLATION_LEVEL[step.isolation.toUpperCase().replace(' ', '_')];
      return finish(await transaction((done) => connection.beginTransaction(done, '', isolation)));
    }
    case 'commit': return finish(await transaction((done) => connection.commitTransaction(done)));
    case 'rollback': return finish(await transaction((done) => connection.rollbackTransaction(done)));
    case 'save': return finish(await transaction((done) => connection.saveTransaction(done, step.name)));
    case 'rollback_to': return finish(await transaction((done) => connection.rollbackTransaction(done, step.name)));
    default:
      if (!step.params) return batch(connection, step, observation);
      if (step.prepare) return prepared(connection, step, observation);
      return statement(connection, step, step.runs[0], observation);
  }
}

async function guarded(connections, step, observation) {
  try {
    await runStep(connections, step, observation);
  } catch (error) {
    observation.data.client_error = `${error.code ?? error.name}: ${error.message}`;
  }
}

async function runCheck(run, check) {
  const connections = new Connections(run);
  const observations = [];
  for (const step of check.steps) {
    if (step.do === 'finish') {
      const { promise, observation } = connections.waiting.get(step.on);
      await promise;
      observations.push(observation.data);
      continue;
    }
    const observation = new Observation();
    const promise = guarded(connections, step, observation);
    if (step.background) {
      connections.waiting.set(step.on, { promise, observation });
      observations.push({});
      continue;
    }
    await promise;
    observations.push(observation.data);
    if (observation.data.client_error) break;
  }
  for (const name of [...connections.open.keys()]) await connections.close(name);
  return observations;
}

async function main() {
  const run = JSON.parse(readFileSync(0, 'utf8'));
  for (const check of run.checks) {
    const steps = await runCheck(run, check);
    process.stdout.write(`${JSON.stringify({ check: check.name, steps })}\n`);
  }
}

main();
