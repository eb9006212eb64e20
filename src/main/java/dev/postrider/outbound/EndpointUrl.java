package dev.postrider.outbound;

import java.net.URI;
import java.net.URISyntaxException;

/** Reads the url of an endpoint, and says what is wrong with it. */
final class EndpointUrl {

    private static final int MAXIMUM_LENGTH = 2048;

    private EndpointUrl() {}

    /**
     * @throws IllegalArgumentException if nothing can be delivered to it, in words for the caller of the API
     */
    static URI parse(String url) {
        URI uri;
        for (int i = 0; i < url.length(); i++) {
            if (url.charAt(i) > 0x7e) {
                // Java takes them, and sends something else.
                throw invalid("Not ASCII", i, null);
            }
        }
        try {
            uri = new URI(url);
        } catch (URISyntaxException e) {
            throw invalid(e.getReason(), e.getIndex(), e);
        }
        if (!"http".equalsIgnoreCase(uri.getScheme()) && !"https".equalsIgnoreCase(uri.getScheme())) {
            throw new IllegalArgumentException("must start with https:// or http://");
        }
        if (uri.getRawUserInfo() != null) {
            throw new IllegalArgumentException(
                    "must not hold a user or password. Give them as a header Authorization, which is encrypted.");
        }
        if (uri.getHost() == null || uri.getPort() == 0 || uri.getPort() > 65_535) {
            throw new IllegalArgumentException(
                    "has no valid host and port. A host is made of letters, digits, hyphens and dots, without an underscore;"
                            + " write international names in their xn-- form.");
        }
        if (uri.getRawFragment() != null) {
            throw new IllegalArgumentException("must not have a fragment (#…): it would not be sent.");
        }
        if (url.length() > MAXIMUM_LENGTH) {
            throw new IllegalArgumentException("is longer than %d characters".formatted(MAXIMUM_LENGTH));
        }
        return uri;
    }

    private static IllegalArgumentException invalid(String reason, int index, Exception cause) {
        return new IllegalArgumentException(
                "is not valid: %s at character %d. Percent-encode what is not allowed in a url, and write international names"
                        + " in their xn-- form.".formatted(reason, index + 1),
                cause);
    }

    /** The port that a request goes to. */
    static int portOf(URI url) {
        if (url.getPort() > 0) {
            return url.getPort();
        }
        return "https".equalsIgnoreCase(url.getScheme()) ? 443 : 80;
    }
}
