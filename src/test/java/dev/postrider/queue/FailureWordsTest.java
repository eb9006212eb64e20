package dev.postrider.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.sql.SQLException;
import java.util.Map;
import java.util.stream.Stream;
import javax.net.ssl.SSLHandshakeException;
import org.apache.camel.CamelExecutionException;
import org.apache.camel.RuntimeCamelException;
import org.apache.camel.http.base.HttpOperationFailedException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a workspace is told of a failure is useful, and nothing of the inside. */
class FailureWordsTest {

    private static final String UNTOLD = "an operator finds the reason in the log";

    static Stream<Arguments> failures() {
        String inside = "http://sync.internal:8080/v2?token=x";
        return Stream.of(
                Arguments.of(new IllegalStateException("no luck"), "no luck"),
                Arguments.of(new RuntimeCamelException(new IllegalStateException("no luck")), "no luck"),
                Arguments.of(
                        new CamelExecutionException("failed", null, new IllegalStateException("no luck")), "failed"),
                Arguments.of(
                        new HttpOperationFailedException(inside, 500, "Oops", null, Map.of(), "body"),
                        "the other side answered 500"),
                Arguments.of(
                        new RuntimeCamelException(new ConnectException("Connect to 10.0.0.5:8080 refused")),
                        "the connection was refused"),
                Arguments.of(new UnknownHostException("sync.internal"), "the host's name is unknown"),
                Arguments.of(new SocketTimeoutException("Read timed out"), "no answer in time"),
                Arguments.of(
                        new SSLHandshakeException("PKIX path building failed: sun.security.X"), "no secure connection"),
                Arguments.of(new SQLException("syntax error at or near \"selct\"", "42601"), "a statement failed"),
                Arguments.of(new SQLException("The connection to db.internal is closed", "08003"), "not reachable"),
                Arguments.of(new IllegalStateException("see " + inside), UNTOLD),
                Arguments.of(new IOException("10.0.0.5 said no"), UNTOLD),
                Arguments.of(new NullPointerException("Cannot invoke \"String.length()\" because it is null"), UNTOLD),
                Arguments.of(new ClassCastException("class java.lang.String cannot be cast to class X"), UNTOLD),
                Arguments.of(new IOException("/etc/keys/tenant.pem (Permission denied)"), UNTOLD),
                Arguments.of(new IOException("connect to cache-3.prod.internal:6379 refused"), UNTOLD),
                Arguments.of(new IOException("fd00:12::7 did not answer"), UNTOLD),
                Arguments.of(new IllegalStateException("bad SQL grammar [selct x]"), UNTOLD),
                Arguments.of(new IllegalStateException("at 10:30 nothing was due"), "at 10:30 nothing was due"),
                Arguments.of(new IllegalStateException(), UNTOLD),
                Arguments.of(new StackOverflowError(), UNTOLD));
    }

    @ParameterizedTest
    @MethodSource("failures")
    void a_failure_is_told_in_plain_words(Throwable failure, String words) {
        assertThat(FailureWords.of(failure))
                .contains(words)
                .doesNotContainPattern("Exception|java\\.|internal|10\\.0|selct|token");
    }
}
