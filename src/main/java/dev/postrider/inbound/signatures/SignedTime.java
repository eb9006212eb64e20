package dev.postrider.inbound.signatures;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.regex.Pattern;

/** The time that some schemes sign, in seconds since 1970: too far from ours, it makes a signature that was recorded useless. */
final class SignedTime {

    private static final Pattern SECONDS = Pattern.compile("[0-9]{1,12}");

    private SignedTime() {}

    /** Whether the text is such a time; to be asked first. */
    static boolean isOne(String text) {
        return SECONDS.matcher(text).matches();
    }

    /** Why a signature of that time is refused; empty when it is within the tolerance, on either side. */
    static Optional<String> refusal(String seconds, Instant now, Duration tolerance) {
        long age = now.getEpochSecond() - Long.parseLong(seconds);
        return Math.abs(age) <= tolerance.toSeconds()
                ? Optional.empty()
                : Optional.of("the signature's time is %d seconds %s our clock; %d are tolerated"
                        .formatted(Math.abs(age), age > 0 ? "behind" : "ahead of", tolerance.toSeconds()));
    }
}
