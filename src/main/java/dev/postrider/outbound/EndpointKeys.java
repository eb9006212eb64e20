package dev.postrider.outbound;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * What an endpoint keeps secret besides the values of its headers.
 *
 * @param secret signs
 * @param retired secrets that rotation has replaced, newest first
 * @param clientCertificate a certificate chain and its key in PEM; null if its requests carry none
 */
record EndpointKeys(String secret, List<Retired> retired, String clientCertificate) {

    private static final int MOST_RETIRED = 10;

    /** A secret that signs beside the current one for a while. */
    record Retired(String secret, Instant until) {}

    EndpointKeys {
        retired = retired == null ? List.of() : List.copyOf(retired);
    }

    static EndpointKeys of(String secret) {
        return new EndpointKeys(secret, List.of(), null);
    }

    /** @param overlap how long the secret of now stays valid; zero ends the older ones, too, because that is meant for leaks */
    EndpointKeys rotated(String next, Instant now, Duration overlap) {
        List<Retired> kept = new ArrayList<>();
        if (!overlap.isZero()) {
            kept.add(new Retired(secret, now.plus(overlap)));
            retired.stream().filter(old -> old.until().isAfter(now)).forEach(kept::add);
        }
        return new EndpointKeys(next, kept.subList(0, Math.min(kept.size(), MOST_RETIRED)), clientCertificate);
    }

    EndpointKeys withClientCertificate(String pem) {
        return new EndpointKeys(secret, retired, pem);
    }

    /** All that sign at a moment, the current one first. */
    List<String> signing(Instant now) {
        List<String> all = new ArrayList<>();
        all.add(secret);
        retired.stream()
                .filter(old -> old.until().isAfter(now))
                .map(Retired::secret)
                .forEach(all::add);
        return all;
    }

    /** Never the secrets: records end up in logs. */
    @Override
    public String toString() {
        return "EndpointKeys[" + retired.size() + " retired]";
    }
}
