package dev.postrider.queue;

import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import org.apache.camel.http.base.HttpOperationFailedException;
import org.apache.hc.client5.http.ClientProtocolException;
import org.apache.hc.client5.http.ConnectTimeoutException;
import org.apache.hc.core5.http.ConnectionClosedException;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.MalformedChunkCodingException;
import org.apache.hc.core5.http.MessageConstraintException;
import org.apache.hc.core5.http.NoHttpResponseException;
import org.apache.hc.core5.http.TruncatedChunkException;
import org.postgresql.util.PSQLException;

/**
 * Says what failed in words for the workspace whose task it was: no class, address, url or statement of the inside. The log
 * has those.
 */
public final class FailureWords {

    private static final String UNTOLD = "the handler failed; an operator finds the reason in the log by the task's id";

    /** What only a look inside explains: a class, an exception, a call, an exchange, SQL, a url, a host, an address, a path. */
    private static final Pattern INSIDE =
            Pattern.compile("\\b(?:[a-z]\\w*\\.){2,}[A-Z]|\\w(?:Exception|Error)\\b|\\w\\(\\)"
                    + "|\\bExchange\\[|SQL grammar|://|\\b\\d{1,3}(?:\\.\\d{1,3}){3}\\b|[0-9a-f]+:[0-9a-f:]*:[0-9a-f]"
                    + "|\\w\\.\\w[\\w.-]*:\\d|/\\w[\\w.-]*/\\w");

    private FailureWords() {}

    /** Why a task failed: what the handler threw, if that is meant for people. */
    static String of(Throwable error) {
        List<Throwable> causes = ErrorText.causes(error);
        return causes.stream()
                .flatMap(cause -> known(cause).stream())
                .findFirst()
                .or(() -> network(error))
                .orElseGet(() -> causes.stream()
                        .map(cause -> ErrorText.messageOf(cause, ""))
                        .filter(message ->
                                !message.isBlank() && !INSIDE.matcher(message).find())
                        .findFirst()
                        .orElse(UNTOLD));
    }

    /** Why a request was not answered; empty if it was not the network. */
    public static Optional<String> network(Throwable error) {
        return ErrorText.causes(error).stream()
                .flatMap(cause -> Stream.ofNullable(networkWords(cause)))
                .findFirst();
    }

    private static Optional<String> known(Throwable cause) {
        if (cause instanceof MeantForPeople) {
            return Optional.of(ErrorText.messageOf(cause, UNTOLD));
        }
        if (cause instanceof HttpOperationFailedException http) {
            return Optional.of("the other side answered %d".formatted(http.getStatusCode()));
        }
        return cause instanceof SQLException sql ? Optional.of(database(sql)) : Optional.empty();
    }

    private static String database(SQLException error) {
        String state = error.getSQLState() == null ? "" : error.getSQLState();
        if (error instanceof SQLTransientConnectionException || state.matches("08.*|57P.*|53.*")) {
            return "the database was not reachable";
        }
        if (state.startsWith("40")) {
            return "the database undid the work because other work at the same time was in its way";
        }
        boolean aboutValues = state.matches("PR.*|22.*|23.*");
        return aboutValues && error instanceof PSQLException sql && sql.getServerErrorMessage() != null
                ? ErrorText.storable("the database refused it: "
                        + sql.getServerErrorMessage().getMessage())
                : "a statement failed; an operator finds the reason in the log by the task's id";
    }

    private static String networkWords(Throwable error) {
        if (error instanceof UnknownHostException) {
            return "the host's name is unknown";
        }
        if (error instanceof ConnectTimeoutException) {
            return "no connection in time";
        }
        if (error instanceof SocketTimeoutException) {
            return "no answer in time";
        }
        if (error instanceof SSLException tls) {
            return "no secure connection: " + tlsWords(tls);
        }
        if (error instanceof NoRouteToHostException) {
            return "no network leads to the host";
        }
        if (error instanceof ConnectException) {
            return "the connection was refused";
        }
        if (error instanceof SocketException
                || error instanceof NoHttpResponseException
                || error instanceof ConnectionClosedException
                || error instanceof TruncatedChunkException) {
            return "the connection broke before the answer was complete";
        }
        if (error instanceof MessageConstraintException) {
            return "the answer has too many headers, or too long ones";
        }
        return error instanceof HttpException
                        || error instanceof ClientProtocolException
                        || error instanceof MalformedChunkCodingException
                ? "the answer is not valid HTTP"
                : null;
    }

    /** Java tells a certificate for another host, and an answer without TLS, by the message alone. */
    private static String tlsWords(SSLException error) {
        for (Throwable cause : ErrorText.causes(error)) {
            String message = ErrorText.messageOf(cause, "");
            if (cause instanceof SSLPeerUnverifiedException
                    || cause instanceof CertificateException
                            && message.matches("No (subject alternative|name matching).*")) {
                return "the certificate is for another host";
            }
            if (cause instanceof CertificateExpiredException) {
                return "the certificate has expired";
            }
            if (cause instanceof CertificateNotYetValidException) {
                return "the certificate is not valid yet";
            }
            if (cause instanceof CertPathBuilderException) {
                return "the certificate is not from an authority that is trusted, or comes without those in between";
            }
            if (message.contains("unrecognized SSL message")) {
                return "the other side does not speak TLS at this port";
            }
        }
        return "the certificate or the version of TLS is not accepted";
    }
}
