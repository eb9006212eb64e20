package dev.postrider.startup;

/**
 * Says why Postrider cannot start, and what to do about it, in words for the person who started it.
 *
 * <p>{@link StartupFailureAnalyzer} prints both texts instead of a stack trace. Neither may hold a password or a key.
 */
public class StartupException extends RuntimeException {

    private final String action;

    public StartupException(String description, String action) {
        this(description, action, null);
    }

    public StartupException(String description, String action, Throwable cause) {
        super(description, cause);
        this.action = action;
    }

    /** What to do, as one or more full sentences. */
    public String action() {
        return action;
    }
}
