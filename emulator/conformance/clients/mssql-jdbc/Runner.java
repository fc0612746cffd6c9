// Runs the checks through mssql-jdbc: reads the run from standard input, writes what it observed, a line for each check.

import com.google.gson.Gson;
import com.google.gson.annotations.SerializedName;
import com.microsoft.sqlserver.jdbc.SQLServerConnection;
import com.microsoft.sqlserver.jdbc.SQLServerConnectionPoolDataSource;
import com.microsoft.sqlserver.jdbc.SQLServerException;
import com.microsoft.sqlserver.jdbc.SQLServerPreparedStatement;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLTimeoutException;
import java.sql.SQLWarning;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.sql.PooledConnection;

public final class Runner {
    static final int CELL_BYTES_MAX = 1000;

    static final class Run {
        int port;
        String user, password, database, mode, certificate;
        List<Check> checks;
    }

    static final class Check {
        String name;
        List<Step> steps;
    }

    static final class Step {
        String on, sql, isolation, name;
        @SerializedName("do") String action;
        List<List<String>> params;
        List<List<String>> runs;
        boolean background;
        @SerializedName("take_rows") Integer takeRows;
        @SerializedName("cancel_after_ms") int cancelAfterMs;
        Options options = new Options();
    }

    static final class Options {
        String user, password, database;
        @SerializedName("packet_size") int packetSize;
        @SerializedName("app_name") String appName;
    }

    static final class Result {
        List<String> columns = new ArrayList<>(), types = new ArrayList<>();
        List<List<String>> rows = new ArrayList<>();
    }

    static final class ServerError {
        int number, state, line;
        @SerializedName("class") int severity;
        String message;
    }

    static final class Observation {
        List<Result> results = new ArrayList<>();
        List<Long> counts = new ArrayList<>();
        List<ServerError> errors = new ArrayList<>();
        List<String> messages = new ArrayList<>();
        Boolean cancelled;
        @SerializedName("client_error") String clientError;

        /** Errors of one statement come chained. */
        void note(SQLException first) {
            for (SQLException error = first; error != null; error = error.getNextException()) noteOne(error);
        }

        private void noteOne(SQLException error) {
            if (!(error instanceof SQLServerException)) {
                clientError = error.toString();
                return;
            }
            var detail = ((SQLServerException) error).getSQLServerError();
            if (detail == null) {
                String text = error.getMessage();
                if (error instanceof SQLTimeoutException || text.contains("canceled") || text.contains("timed out")) cancelled = true;
                else clientError = error.toString();
                return;
            }
            var noted = new ServerError();
            noted.number = detail.getErrorNumber();
            noted.state = detail.getErrorState();
            noted.severity = detail.getErrorSeverity();
            noted.line = (int) detail.getLineNumber();
            noted.message = detail.getErrorMessage();
            errors.add(noted);
        }

        void noteWarnings(Statement statement) throws SQLException {
            for (SQLWarning warning = statement.getWarnings(); warning != null; warning = warning.getNextWarning()) {
                messages.add(warning.getMessage());
            }
            statement.clearWarnings();
        }
    }

    /** The connections of one check; each comes from a pooled connection, which resets what it hands out again. */
    static final class Connections {
        final Run run;
        final Map<String, PooledConnection> pools = new HashMap<>();
        final Map<String, Connection> open = new HashMap<>();
        final Map<String, Savepoint> savepoints = new HashMap<>();
        final Map<String, Thread> waiting = new HashMap<>();
        final Map<String, Observation> awaited = new HashMap<>();

        Connections(Run run) {
            this.run = run;
        }

        void connect(String name, Options options) throws SQLException {
            var source = new SQLServerConnectionPoolDataSource();
            source.setServerName("localhost");
            source.setPortNumber(run.port);
            source.setUser(options.user == null ? run.user : options.user);
            source.setPassword(options.password == null ? run.password : options.password);
            source.setDatabaseName(options.database == null ? run.database : options.database);
            source.setApplicationName(options.appName == null ? "conformance" : options.appName);
            source.setLoginTimeout(15);
            source.setLastUpdateCount(false);
            source.setSendTimeAsDatetime(false);
            source.setEncrypt(run.mode.equals("encrypted") ? "true" : "false");
            if (run.mode.equals("encrypted")) {
                source.setTrustStoreType("PKCS12");
                source.setTrustStore(trusted.toString());
                source.setTrustStorePassword(STORE_PASSWORD);
            }
            if (options.packetSize != 0) source.setPacketSize(options.packetSize);
            PooledConnection pool = source.getPooledConnection();
            pools.put(name, pool);
            open.put(name, pool.getConnection());
        }

        Connection get(String name) throws SQLException {
            if (!open.containsKey(name)) connect(name, new Options());
            return open.get(name);
        }

        void reset(String name) throws SQLException {
            get(name).close();
            open.put(name, pools.get(name).getConnection());
        }

        void close(String name) throws SQLException {
            get(name);
            open.remove(name);
            pools.remove(name).close();
        }
    }

    static final String STORE_PASSWORD = "of a public certificate";
    static Path trusted;

    /** The server's certificate as Java wants it. */
    static void trust(String certificate) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (var in = Files.newInputStream(Path.of(certificate))) {
            store.setCertificateEntry("server", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        trusted = Path.of(certificate + ".p12");
        try (var out = Files.newOutputStream(trusted)) {
            store.store(out, STORE_PASSWORD.toCharArray());
        }
    }

    static int isolation(String name) {
        return switch (name) {
            case "read uncommitted" -> Connection.TRANSACTION_READ_UNCOMMITTED;
            case "repeatable read" -> Connection.TRANSACTION_REPEATABLE_READ;
            case "serializable" -> Connection.TRANSACTION_SERIALIZABLE;
            case "snapshot" -> SQLServerConnection.TRANSACTION_SNAPSHOT;
            default -> Connection.TRANSACTION_READ_COMMITTED;
        };
    }

    static String digest(byte[] data) throws Exception {
        return "sha256:" + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(data)) + ":" + data.length;
    }

    static String cell(ResultSet rows, int column, String type) throws Exception {
        String text = switch (type) {
            case "bit" -> {
                boolean value = rows.getBoolean(column);
                yield rows.wasNull() ? null : String.valueOf(value);
            }
            case "real" -> {
                float value = rows.getFloat(column);
                yield rows.wasNull() ? null : String.valueOf(value);
            }
            case "float" -> {
                double value = rows.getDouble(column);
                yield rows.wasNull() ? null : String.valueOf(value);
            }
            case "decimal", "numeric", "money", "smallmoney" -> {
                BigDecimal value = rows.getBigDecimal(column);
                yield value == null ? null : value.toPlainString();
            }
            case "binary", "varbinary" -> {
                byte[] value = rows.getBytes(column);
                if (value == null) yield null;
                if (value.length > CELL_BYTES_MAX) yield digest(value);
                yield "0x" + HexFormat.of().withUpperCase().formatHex(value);
            }
            default -> rows.getString(column);
        };
        if (text == null) return null;
        byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
        return encoded.length > CELL_BYTES_MAX ? digest(encoded) : text;
    }

    static void readRows(ResultSet rows, Integer limit, Observation observation) throws Exception {
        var result = new Result();
        ResultSetMetaData columns = rows.getMetaData();
        for (int at = 1; at <= columns.getColumnCount(); at++) {
            result.columns.add(columns.getColumnLabel(at));
            result.types.add(columns.getColumnTypeName(at).replace("numeric", "decimal"));
        }
        observation.results.add(result);
        while ((limit == null || result.rows.size() < limit) && rows.next()) {
            var row = new ArrayList<String>();
            for (int at = 1; at <= result.types.size(); at++) row.add(cell(rows, at, result.types.get(at - 1)));
            result.rows.add(row);
        }
    }

    interface Advance {
        boolean run() throws SQLException;
    }

    /** Everything that one execution answers. An exception stands for one error; what follows it is still to be read. */
    static void collect(Statement statement, Advance advance, Integer takeRows, Observation observation) throws Exception {
        for (int moves = 0; moves < 100_000; moves++) {
            try {
                boolean isResult = advance.run();
                advance = statement::getMoreResults;
                observation.noteWarnings(statement);
                if (isResult) {
                    try (ResultSet rows = statement.getResultSet()) {
                        readRows(rows, takeRows, observation);
                    }
                    if (takeRows != null) return;
                } else {
                    long count = statement.getLargeUpdateCount();
                    if (count < 0) return;
                    observation.counts.add(count);
                }
                observation.noteWarnings(statement);
            } catch (SQLException error) {
                advance = statement::getMoreResults;
                observation.noteWarnings(statement);
                observation.note(error);
                if (observation.clientError != null || observation.cancelled != null) return;
            }
        }
    }

    static void cancelLater(Statement statement, int afterMs) {
        var thread = new Thread(() -> {
            try {
                Thread.sleep(afterMs);
                statement.cancel();
            } catch (InterruptedException | SQLException ignored) {
                // The statement ended before.
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    static void execute(Connection connection, Step step, Observation observation) throws Exception {
        if (step.params == null) {
            try (Statement statement = connection.createStatement()) {
                if (step.cancelAfterMs > 0) cancelLater(statement, step.cancelAfterMs);
                collect(statement, () -> statement.execute(step.sql), step.takeRows, observation);
            }
            return;
        }
        // JDBC's parameters have places, not names.
        var names = step.params.stream().map(each -> Pattern.quote(each.get(0))).collect(Collectors.joining("|"));
        var order = new ArrayList<Integer>();
        String sql = Pattern.compile("@(" + names + ")\\b").matcher(step.sql).replaceAll(found -> {
            for (int at = 0; at < step.params.size(); at++) if (step.params.get(at).get(0).equals(found.group(1))) order.add(at);
            return Matcher.quoteReplacement("?");
        });
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (List<String> values : step.runs) {
                for (int at = 0; at < order.size(); at++) {
                    String declared = step.params.get(order.get(at)).get(1);
                    bind(statement.unwrap(SQLServerPreparedStatement.class), at + 1, declared, values.get(order.get(at)));
                }
                collect(statement, statement::execute, null, observation);
            }
        }
    }

    static void bind(SQLServerPreparedStatement to, int at, String declared, String text) throws SQLException {
        String kind = declared.replaceAll("\\(.*", "");
        switch (kind) {
            case "bit" -> to.setObject(at, text == null ? null : text.equals("true"), Types.BIT);
            case "tinyint" -> to.setObject(at, text == null ? null : Short.valueOf(text), Types.TINYINT);
            case "smallint" -> to.setObject(at, text == null ? null : Short.valueOf(text), Types.SMALLINT);
            case "int" -> to.setObject(at, text == null ? null : Integer.valueOf(text), Types.INTEGER);
            case "bigint" -> to.setObject(at, text == null ? null : Long.valueOf(text), Types.BIGINT);
            case "real" -> to.setObject(at, text == null ? null : Float.valueOf(text), Types.REAL);
            case "float" -> to.setObject(at, text == null ? null : Double.valueOf(text), Types.DOUBLE);
            case "decimal" -> {
                String[] sizes = declared.replaceAll("[^0-9,]", "").split(",");
                to.setBigDecimal(at, text == null ? null : new BigDecimal(text), Integer.parseInt(sizes[0]), Integer.parseInt(sizes[1]));
            }
            case "money" -> to.setMoney(at, text == null ? null : new BigDecimal(text));
            case "smallmoney" -> to.setSmallMoney(at, text == null ? null : new BigDecimal(text));
            case "binary", "varbinary" -> to.setBytes(at, text == null ? null : HexFormat.of().parseHex(text.substring(2)));
            case "uniqueidentifier" -> to.setUniqueIdentifier(at, text);
            case "char", "varchar" -> to.setString(at, text);
            case "nchar", "nvarchar" -> to.setNString(at, text);
            default -> bindMoment(to, at, kind, text);
        }
    }

    static void bindMoment(SQLServerPreparedStatement to, int at, String kind, String text) throws SQLException {
        switch (kind) {
            case "date" -> to.setObject(at, text == null ? null : LocalDate.parse(text), Types.DATE);
            case "time" -> to.setObject(at, text == null ? null : LocalTime.parse(text), Types.TIME);
            case "datetime2" -> to.setObject(at, text == null ? null : LocalDateTime.parse(text.replace(' ', 'T')), Types.TIMESTAMP);
            case "datetime" -> to.setDateTime(at, text == null ? null : Timestamp.valueOf(text));
            case "smalldatetime" -> to.setSmallDateTime(at, text == null ? null : Timestamp.valueOf(text));
            default -> {
                if (text == null) {
                    to.setNull(at, microsoft.sql.Types.DATETIMEOFFSET);
                    return;
                }
                String[] parts = text.split(" ");
                to.setObject(at, OffsetDateTime.of(LocalDateTime.parse(parts[0] + "T" + parts[1]), ZoneOffset.of(parts[2])));
            }
        }
    }

    static void runStep(Connections connections, Step step, Observation observation) throws Exception {
        if (step.action.equals("connect")) {
            connections.connect(step.on, step.options);
            return;
        }
        Connection connection = connections.get(step.on);
        switch (step.action) {
            case "close" -> connections.close(step.on);
            case "reset" -> connections.reset(step.on);
            case "begin" -> {
                connection.setTransactionIsolation(isolation(step.isolation));
                connection.setAutoCommit(false);
            }
            case "commit" -> {
                connection.commit();
                connection.setAutoCommit(true);
            }
            case "rollback" -> {
                connection.rollback();
                connection.setAutoCommit(true);
            }
            case "save" -> connections.savepoints.put(step.name, connection.setSavepoint(step.name));
            case "rollback_to" -> connection.rollback(connections.savepoints.get(step.name));
            default -> execute(connection, step, observation);
        }
    }

    static void guarded(Connections connections, Step step, Observation observation) {
        try {
            runStep(connections, step, observation);
        } catch (SQLException error) {
            observation.note(error);
        } catch (Exception error) {
            observation.clientError = error.toString();
        }
    }

    static List<Observation> runCheck(Run run, Check check) throws Exception {
        var connections = new Connections(run);
        var observations = new ArrayList<Observation>();
        for (Step step : check.steps) {
            if (step.action.equals("finish")) {
                connections.waiting.get(step.on).join();
                observations.add(connections.awaited.get(step.on));
                continue;
            }
            var observation = new Observation();
            if (step.background) {
                connections.get(step.on);
                var thread = new Thread(() -> guarded(connections, step, observation));
                thread.start();
                connections.waiting.put(step.on, thread);
                connections.awaited.put(step.on, observation);
                observations.add(new Observation());
                continue;
            }
            guarded(connections, step, observation);
            observations.add(observation);
            if (observation.clientError != null) break;
        }
        for (PooledConnection pool : connections.pools.values()) pool.close();
        return observations;
    }

    public static void main(String[] arguments) throws Exception {
        var gson = new Gson();
        var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        Run run = gson.fromJson(new InputStreamReader(System.in, StandardCharsets.UTF_8), Run.class);
        if (run.mode.equals("encrypted")) trust(run.certificate);
        for (Check check : run.checks) {
            out.println(gson.toJson(Map.of("check", check.name, "steps", runCheck(run, check))));
        }
    }
}
