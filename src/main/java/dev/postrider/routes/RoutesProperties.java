package dev.postrider.routes;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The settings of the route files.
 *
 * @param directory laid over the packaged files; the default is the folder {@code routes} beside the process
 * @param reloadInterval how often the folder is looked at, in milliseconds; 0 for never
 * @param refuseMistakes whether a node ends at its start when a file has a mistake, instead of running without that file
 */
@ConfigurationProperties("postrider.routes")
public record RoutesProperties(
        @DefaultValue("routes") String directory,
        @DefaultValue("1000") long reloadInterval,
        @DefaultValue("false") boolean refuseMistakes) {}
