#!/usr/bin/perl
# A worker written from api/step-protocol.md alone, to show that the page is enough. It has only the functions of README.md.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Fcntl qw(O_WRONLY O_CREAT O_EXCL F_SETFD FD_CLOEXEC);
use IO::Handle;
use POSIX ();
use Time::HiRes qw(time sleep setitimer ITIMER_REAL);

# --- JSON that keeps numbers as they were written (1 is not 1.0) --------------------------------------------------------------------
my ($null, $true, $false) = map { bless \(my $word = $_), 'Word' } qw(null true false);
sub number { bless \(my $text = "$_[0]"), 'Word' }

sub decode {
    my ($text) = @_;
    my $value = decode_value(\$text);
    die "rubbish after the JSON\n" unless $text =~ /\G\s*\z/gc;
    return $value;
}

sub decode_value {
    my ($t) = @_;
    $$t =~ /\G\s+/gc;
    return $null  if $$t =~ /\Gnull/gc;
    return $true  if $$t =~ /\Gtrue/gc;
    return $false if $$t =~ /\Gfalse/gc;
    return number($1) if $$t =~ /\G(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/gc;
    return decode_string($1) if $$t =~ /\G"((?:[^"\\]|\\.)*)"/gcs;
    if ($$t =~ /\G\[/gc) {
        my @items;
        return \@items if $$t =~ /\G\s*\]/gc;
        do { push @items, decode_value($t) } while $$t =~ /\G\s*,/gc;
        $$t =~ /\G\s*\]/gc or die "no end of list\n";
        return \@items;
    }
    $$t =~ /\G\{/gc or die "no JSON\n";
    my %map;
    return \%map if $$t =~ /\G\s*\}/gc;
    do {
        $$t =~ /\G\s*"((?:[^"\\]|\\.)*)"\s*:/gcs or die "no key\n";
        my $key = decode_string($1);
        $map{$key} = decode_value($t);
    } while $$t =~ /\G\s*,/gc;
    $$t =~ /\G\s*\}/gc or die "no end of map\n";
    return \%map;
}

sub decode_string {
    my ($text) = @_;
    my %plain = (n => "\n", r => "\r", t => "\t", b => "\b", f => "\f");
    $text =~ s{\\u([dD][89abAB]..)\\u([dD][c-fC-F]..)|\\u(....)|\\(.)}{
        defined $1 ? chr(0x10000 + ((hex($1) & 0x3FF) << 10) + (hex($2) & 0x3FF)) : defined $3 ? chr hex $3 : $plain{$4} // $4}gse;
    return $text;
}

sub encode {
    my ($value) = @_;
    return $$value if ref $value eq 'Word';
    return '[' . join(',', map { encode($_) } @$value) . ']' if ref $value eq 'ARRAY';
    return '{' . join(',', map { encode("$_") . ':' . encode($value->{$_}) } sort keys %$value) . '}' if ref $value eq 'HASH';
    my %short = ('"' => '\\"', '\\' => '\\\\', "\n" => '\\n', "\r" => '\\r', "\t" => '\\t', "\b" => '\\b', "\f" => '\\f');
    $value =~ s/(["\\\x00-\x1f])/$short{$1} \/\/ sprintf('\\u%04x', ord $1)/ge;
    return "\"$value\"";
}

sub bytes { my ($text) = @_; utf8::encode($text); return $text }

# --- messages -----------------------------------------------------------------------------------------------------------------------
my $descriptor = delete $ENV{STOKER_PROTOCOL};
my ($socket, $identity);
my ($tokens, $refilled) = (20, time);
my (%pending, @order);
if (defined $descriptor && open($socket, '>&=', $descriptor)) {
    fcntl($socket, F_SETFD, FD_CLOEXEC);
    $identity = identity($descriptor);
}

sub identity { my @found = POSIX::fstat($_[0]) or return ''; return "$found[0]:$found[1]" }

sub send_now {
    my ($message) = @_;
    return unless $identity && identity($descriptor) eq $identity;
    my $body = bytes(encode($message));
    my $frame = pack('N', length $body) . $body;
    while (length $frame) {
        my $wrote = POSIX::write($descriptor, $frame, length $frame) or return;
        substr($frame, 0, $wrote) = '';
    }
}

sub post {
    my ($message) = @_;
    my $now = time;
    $tokens += ($now - $refilled) * 20;
    $tokens = 20 if $tokens > 20;
    $refilled = $now;
    if (!@order && $tokens >= 1) { $tokens -= 1; return send_now($message) }
    my $key = "$message->{type} " . ($message->{name} // '');
    push @order, $key unless $pending{$key};
    $pending{$key} = $message;
}

# --- the functions of README.md -----------------------------------------------------------------------------------------------------
my %metrics;
sub metric { my ($name, $value, %more) = @_; $metrics{$name} = $value; post({type => 'metric', name => $name, value => $value, %more}) }
sub perl_number { my $text = ${$_[0]}; return $text + 0 }
sub precise { my $text = sprintf('%.17g', $_[0]); for my $digits (1 .. 17) { my $short = sprintf("%.${digits}g", $_[0]); return number($short) if $short == $_[0] } return number($text) }

my %functions = (
    echo => sub { return {output => $_[0]{value}} },
    pair => sub { return {first => number(1), second => 'two'} },
    nothing => sub { print "nothing to return\n"; return {} },
    fail => sub { die "$_[0]{message}\n" },
    leave => sub { POSIX::_exit(perl_number($_[0]{code})) },
    leave_politely => sub { die "the step asked to exit before it returned its output\n" },
    sleep => sub {
        open(my $ready, '>', bytes($_[0]{ready})) or die "$!\n";
        my $until = time + perl_number($_[0]{seconds});
        while ((my $left = $until - time) > 0) { sleep $left }
        return {};
    },
    chatter => sub {
        my $count = perl_number($_[0]{count});
        for my $done (1 .. $count) {
            post({type => 'progress', done => number($done), total => number($count), label => 'talking'});
            metric('loss', precise(1 / $done), step => number($done));
        }
        metric('odd', 'NaN');
        return {output => number($count)};
    },
    noise => sub { syswrite STDOUT, "\xff\xfe\x00 out\n"; syswrite STDERR, "\xc3\x28 err\n"; return {output => number(4)} },
    close_streams => sub { POSIX::close($_) for 0 .. 2; return {output => number(5)} },
    close_everything => sub {
        POSIX::close($_) for 3 .. 1023;
        POSIX::open('/dev/null', O_WRONLY) for 1 .. 40;
        post({type => 'progress', done => number(1)});
        return {output => number(6)};
    },
    large => sub { return {output => 'x' x perl_number($_[0]{size})} },
    linger => sub { my $child = fork; if (defined $child && $child == 0) { sleep 60; POSIX::_exit(0) } return {output => number(7)} },
    read => sub { open(my $file, '<:encoding(UTF-8)', bytes($_[0]{path}{path})) or die "$!\n"; local $/; return {output => scalar <$file>} },
    size_of => sub { return {output => number(length $_[0]{value})} },
    wrong => sub { die bless {type => 'TypeError', message => 'wrong returned a text, expected int'}, 'Failure' },
);

# --- inputs and outputs ---------------------------------------------------------------------------------------------------------------
my @secrets;
sub infrastructure { die bless {type => 'WorkerError', message => $_[0], class => 'infrastructure'}, 'Failure' }

sub resolve {
    my ($binding) = @_;
    return [map { resolve($_) } @$binding] if ref $binding eq 'ARRAY';
    return $binding unless ref $binding eq 'HASH';
    my ($key) = keys %$binding == 1 ? keys %$binding : '';
    return $binding->{$key} if $key eq '$file' || $key eq '$table';
    return load_artifact($binding->{$key}{uri}) if $key eq '$artifact';
    if ($key eq '$secret') {
        (my $variable = 'STOKER_SECRET_' . uc $binding->{$key}) =~ s/[^A-Z0-9]/_/g;
        push @secrets, $ENV{$variable} // infrastructure("the secret '$binding->{$key}' is not available: $variable is not set");
        return $secrets[-1];
    }
    $binding = $binding->{$key} if $key eq '$value';
    return {map { $_ => resolve($binding->{$_}) } keys %$binding};
}

sub slurp { my ($path) = bytes($_[0]); open(my $file, '<:raw', $path) or infrastructure("$path: $!"); local $/; my $text = <$file>; return $text // '' }
sub text_of_file { my $text = slurp($_[0]); utf8::decode($text); return $text }

sub load_artifact {
    my ($uri) = @_;
    my $manifest = decode(text_of_file("$uri/manifest.json"));
    return $manifest->{value} if exists $manifest->{value};
    for my $file (@{$manifest->{files}}) {
        infrastructure("the artifact $uri is damaged: $file->{path} has not the size that its manifest says")
            unless (-s bytes("$uri/$file->{path}") // -1) == ${$file->{size}};
    }
    return text_of_file("$uri/$manifest->{files}[0]{path}");
}

sub write_once {
    my ($path, $content) = (bytes($_[0]), $_[1]);
    sysopen(my $file, "$path.$$.tmp", O_WRONLY | O_CREAT | O_EXCL, 0600) or die "$path: $!\n";
    binmode $file;
    print {$file} $content;
    $file->flush && $file->sync && close($file) && rename("$path.$$.tmp", $path) or die "$path: $!\n";
}

sub make_folder { my $path = ''; for my $part (split m{/}, bytes($_[0])) { $path .= "$part/"; mkdir $path, 0700 } }

# A value for documents: maps with keys that begin with $ are wrapped.
sub wrapped {
    my ($value) = @_;
    return [map { wrapped($_) } @$value] if ref $value eq 'ARRAY';
    return $value unless ref $value eq 'HASH';
    my %map = map { $_ => wrapped($value->{$_}) } keys %$value;
    return (grep { /^\$/ } keys %map) ? {'$value' => \%map} : \%map;
}

sub save {
    my ($invocation, $name, $value) = @_;
    my $folder = "$invocation->{artifacts}/$name";
    make_folder($folder);
    my $exact = wrapped($value);
    my $text = bytes(encode($exact));
    my %manifest = (version => number(1), type => 'json', class => 'minimal:Json', files => [], bytes => number(length $text));
    my $lines = '';
    if (length $text <= 65536) {
        $manifest{value} = $exact;
    } else {
        my $content = bytes($value);
        write_once("$folder/data", $content);
        my $hex = sha256_hex($content);
        $manifest{files} = [{path => 'data', size => number(length $content), sha256 => $hex}];
        $manifest{bytes} = number(length $content);
        $lines = "$hex " . length($content) . " data\n";
    }
    my %head = map { $_ => $manifest{$_} } grep { exists $manifest{$_} } qw(class details schema value);
    $manifest{digest} = $manifest{identity} = 'sha256:' . sha256_hex(bytes(encode(\%head)) . "\n" . $lines);
    $manifest{createdBy} = {
        worker => 'minimal/1', run => $invocation->{run}, step => $invocation->{step}, attempt => $invocation->{attempt},
        output => $name, time => POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime),
    };
    write_once("$folder/manifest.json", bytes(encode(\%manifest)));
    my %artifact = (uri => $folder, map { $_ => $manifest{$_} } qw(type class digest identity bytes));
    return {artifact => \%artifact, exists $manifest{value} ? (value => $exact) : ()};
}

# --- the attempt ------------------------------------------------------------------------------------------------------------------------
send_now({type => 'hello', versions => [number(1)], worker => 'minimal/1', pid => number($$)});
my $invocation = eval { decode(text_of_file($ARGV[0])) };
if (!$invocation || ref $invocation->{result} || !defined $invocation->{result}) {
    print STDERR "the invocation cannot be read\n";
    POSIX::_exit(2);
}
my ($code, %result) = (0);
eval {
    $SIG{TERM} = sub { $SIG{TERM} = 'DEFAULT'; die bless {type => 'Cancelled', message => 'cancelled', class => 'cancelled'}, 'Failure' };
    my $version = encode($invocation->{version});
    if ($version ne '1') { $code = 2; infrastructure("version $version of the protocol is not spoken here") }
    send_now({type => 'started'});
    if (my $seconds = $invocation->{heartbeat_seconds}) {
        $SIG{ALRM} = sub { post({type => 'heartbeat'}) };
        setitimer(ITIMER_REAL, $$seconds, $$seconds);
    }
    my $inputs = $invocation->{inputs};
    my $returned = $functions{$invocation->{entry}{function}}->({map { $_ => resolve($inputs->{$_}) } keys %$inputs});
    $result{outputs} = {map { $_ => save($invocation, $_, $returned->{$_}) } keys %{$invocation->{outputs}}};
    1;
} or do {
    my $error = ref $@ ? $@ : {type => 'Error', message => $@};
    chomp $error->{message};
    for my $secret (@secrets) { $error->{message} =~ s/\Q$secret\E/***/g }
    $error->{class} //= 'userCode';
    $code ||= $error->{class} eq 'cancelled' ? 143 : 1;
    $result{outputs} = {};
    $result{error} = {class => $error->{class}, type => $error->{type}, message => $error->{message}, traceback => "$error->{message}\n"};
};
setitimer(ITIMER_REAL, 0);
send_now($pending{$_}) for @order;
%result = (
    %result, version => number(1), run => $invocation->{run}, step => $invocation->{step}, attempt => $invocation->{attempt},
    state => $result{error} ? 'failed' : 'succeeded', metrics => \%metrics, observed => {files => [], outsideReads => []},
);
eval { write_once($invocation->{result}, bytes(encode(\%result))); 1 } or do { print STDERR "the result cannot be written: $@"; $code = 3 };
STDOUT->flush;
POSIX::_exit($code);
