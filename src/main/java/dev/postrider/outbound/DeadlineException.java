package dev.postrider.outbound;

import java.io.IOException;
import java.time.Duration;

/** Says that an endpoint did not answer completely in the time that it has. */
final class DeadlineException extends IOException {

    DeadlineException(Duration timeout, IOException cause) {
        super(
                "no complete answer within %d ms; answer first and work afterwards, or raise the endpoint's timeout"
                        .formatted(timeout.toMillis()),
                cause);
    }
}
