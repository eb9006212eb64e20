package dev.postrider.outbound;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.hc.core5.http.protocol.HttpContext;

/** Where the time of one attempt goes; belongs to the thread that makes it. A part that did not happen is null. */
final class AttemptTiming {

    private static final String ATTRIBUTE = AttemptTiming.class.getName();

    private final long begun = System.nanoTime();
    private long resolving;
    private long connecting;
    private long handshaking;
    private Long dns;
    private Long connect;
    private Long tls;
    private Long firstByte;

    /** The timing of the request of this context; a new one if it has none. */
    static AttemptTiming of(HttpContext context) {
        AttemptTiming timing = (AttemptTiming) context.getAttribute(ATTRIBUTE);
        if (timing == null) {
            timing = new AttemptTiming();
            context.setAttribute(ATTRIBUTE, timing);
        }
        return timing;
    }

    void resolves() {
        resolving = System.nanoTime();
    }

    /** Once for each address that is tried. */
    void connects() {
        if (dns == null) {
            connecting = System.nanoTime();
            dns = connecting - resolving;
        }
    }

    void connected() {
        connect = System.nanoTime() - connecting;
    }

    void handshakes() {
        handshaking = System.nanoTime();
    }

    void secured() {
        tls = System.nanoTime() - handshaking;
    }

    void answered() {
        firstByte = System.nanoTime() - begun;
    }

    /** By their names in the record of the attempt, in milliseconds. */
    Map<String, Long> parts() {
        Map<String, Long> parts = new LinkedHashMap<>();
        parts.put("dns", milliseconds(dns));
        parts.put("connect", milliseconds(connect));
        parts.put("tls", milliseconds(tls));
        parts.put("first_byte", milliseconds(firstByte));
        return parts;
    }

    private static Long milliseconds(Long nanoseconds) {
        return nanoseconds == null ? null : TimeUnit.NANOSECONDS.toMillis(nanoseconds);
    }
}
