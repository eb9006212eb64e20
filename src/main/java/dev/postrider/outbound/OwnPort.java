package dev.postrider.outbound;

import java.util.function.IntPredicate;
import org.springframework.boot.web.context.WebServerInitializedEvent;
import org.springframework.context.event.EventListener;

/** Knows the port at which this application answers, where the demo's receiver is. */
public final class OwnPort implements IntPredicate {

    private final boolean demo;
    private volatile int port;

    /** @param demo whether there is a demo workspace; without one no port is ours */
    OwnPort(boolean demo) {
        this.demo = demo;
    }

    public boolean isDemo() {
        return demo;
    }

    @EventListener
    void onStart(WebServerInitializedEvent event) {
        // The management server announces itself too, under a name.
        if (event.getApplicationContext().getServerNamespace() == null) {
            port = event.getWebServer().getPort();
        }
    }

    @Override
    public boolean test(int candidate) {
        return demo && candidate == port;
    }
}
