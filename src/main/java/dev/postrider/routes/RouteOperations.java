package dev.postrider.routes;

import java.util.List;
import org.springframework.jmx.export.annotation.ManagedAttribute;
import org.springframework.jmx.export.annotation.ManagedOperation;
import org.springframework.jmx.export.annotation.ManagedResource;

/** Shows operators in Hawtio which route files run and which are broken, and reloads them on demand. */
@ManagedResource(
        objectName = "dev.postrider:type=Routes",
        description = "The route files: what is loaded, what is broken, reload")
public final class RouteOperations {

    private final RouteLoader loader;
    private final RouteErrors errors;

    RouteOperations(RouteLoader loader, RouteErrors errors) {
        this.loader = loader;
        this.errors = errors;
    }

    @ManagedOperation(description = "Applies changed files now; tries again those that failed to start")
    public String reload() {
        loader.reload();
        List<String> now = getErrors();
        return now.isEmpty() ? "all route files run" : String.join("\n", now);
    }

    @ManagedAttribute(description = "The route files that run, relative to the routes folder")
    public List<String> getLoadedFiles() {
        return loader.loadedFiles();
    }

    @ManagedAttribute(description = "How often a change of files was applied since the start")
    public long getReloadCount() {
        return loader.reloads();
    }

    @ManagedAttribute(description = "Everything that is wrong now, as file:line:column: message")
    public List<String> getErrors() {
        return errors.current().stream().map(Finding::toString).toList();
    }

    @ManagedAttribute(description = "The file of the last error; empty if there was none")
    public String getLastErrorFile() {
        return errors.last().map(last -> last.finding().file()).orElse("");
    }

    @ManagedAttribute(description = "The line of the last error; 0 if there was none")
    public int getLastErrorLine() {
        return errors.last().map(last -> last.finding().line()).orElse(0);
    }

    @ManagedAttribute(description = "What the last error was, and what to write instead; empty if there was none")
    public String getLastErrorMessage() {
        return errors.last().map(last -> last.finding().message()).orElse("");
    }

    @ManagedAttribute(description = "When the last error was found, in UTC; empty if there was none")
    public String getLastErrorTime() {
        return errors.last().map(last -> last.time().toString()).orElse("");
    }
}
