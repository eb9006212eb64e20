package dev.postrider.startup;

import java.util.List;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.web.server.PortInUseException;
import org.springframework.core.Ordered;
import org.springframework.core.env.Environment;

/**
 * Names the setting that moves a server away from a taken port.
 *
 * <p>Spring Boot's own analyzer names the port only, and Postrider listens on two.
 */
class TakenPortFailureAnalyzer extends AbstractFailureAnalyzer<PortInUseException> implements Ordered {

    private final Environment environment;

    TakenPortFailureAnalyzer(Environment environment) {
        this.environment = environment;
    }

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, PortInUseException cause) {
        int port = cause.getPort();
        String setting = List.of("management.server.port", "server.port").stream()
                .filter(name -> port == environment.getProperty(name, Integer.class, 8080))
                .findFirst()
                .orElse("server.port or management.server.port");
        String serves =
                setting.startsWith("management") ? "operators (Hawtio, health, metrics)" : "the API and webhooks";
        return new FailureAnalysis(
                "Port %d, where Postrider serves %s, is taken by another process.".formatted(port, serves),
                "Stop that process, or choose another port with the setting %s (environment: %s)."
                        .formatted(setting, setting.toUpperCase().replace('.', '_')),
                cause);
    }

    @Override
    public int getOrder() {
        return Ordered.HIGHEST_PRECEDENCE;
    }
}
